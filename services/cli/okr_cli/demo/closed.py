"""What Vesper wanted from the cycle before, and what became of it. Days are counted from that cycle's first day."""

from okr_cli.demo import company as at
from okr_cli.demo.model import KeyResult, Objective, Said, Toward

FACE = "Get through the busiest weeks without losing face"
MORE_BEDS_SOLD = "Fill more beds without buying more cars"
REGULARS = "Give regulars a reason to stay"
SPARE_PARTS = "End the spare-parts drought"
BEFORE_ANGER = "Answer guests before they get angry"
ROSTER = "Fill the night roster with people who stay"

_COMPANY = (
    Objective(
        FACE,
        insight="Two of the three worst nights of the year fell into the same busy fortnight, and that fortnight alone cost "
        "six points of NPS.",
        team=at.COMPANY,
        owner="rosa.delgado",
        sponsor="hedda.lindqvist",
        perspective="customer",
        horizon="short_term",
        source="independent",
        commitment="committed",
        tags=("dependability", "guests"),
        key_results=(
            KeyResult(
                "Guest NPS",
                "at_least",
                unit="points",
                metric="guest_nps_28d",
                target=43,
                weight=2,
                owner="tomasz.wolski",
                said=(
                    Said(20, 0.8, "Holding, with full trains."),
                    Said(50, 0.3, "The storm nights cost us nine points.", "Two lines closed for a week"),
                    Said(83, 0.1, "Recovering, too late for this quarter."),
                ),
            ),
            KeyResult(
                "Arrivals within 15 minutes",
                "at_least",
                unit="%",
                metric="arrivals_on_time_28d",
                start=70,
                target=80,
                owner="piotr.zielinski",
                said=(
                    Said(48, 0.2, "Nobody had decided who waits for whom. Now we will.", "Storm damage near Göschenen"),
                ),
            ),
            KeyResult(
                "Stranded guests stay below 16 in 10,000",
                "guardrail",
                unit="guests",
                metric="stranded_guests",
                high=16,
                owner="piotr.zielinski",
            ),
        ),
    ),
    Objective(
        MORE_BEDS_SOLD,
        insight="Between Monday and Wednesday a third of our berths travel empty, and the track costs the same.",
        team=at.COMPANY,
        owner="matteo.ferrante",
        sponsor="hedda.lindqvist",
        perspective="financial",
        horizon="short_term",
        source="independent",
        commitment="aspirational",
        tags=("lenders",),
        key_results=(
            KeyResult(
                "Berths sold",
                "increase",
                unit="%",
                metric="load_factor_28d",
                start=67.5,
                target=72,
                weight=2,
                said=(
                    Said(27, 0.6, "The midweek fare found its people."),
                    Said(76, 0.8, "Seventy-one and a half. The missing half is Tuesday."),
                ),
            ),
            KeyResult(
                "Ticket revenue in seven nights",
                "increase",
                unit="k€",
                metric="ticket_revenue_7d",
                start=1300,
                target=1400,
                said=(Said(62, 0.5, "The storm week is in these numbers, and we leave it in."),),
            ),
            KeyResult("Months of cash stay above twelve", "guardrail", unit="months", metric="cash_months", low=12),
        ),
    ),
)

_DIVISIONS = (
    Objective(
        REGULARS,
        insight="Nightcard holders left at the moment their first year renewed: most had forgotten that they had a card.",
        team=at.NIGHTCARD,
        owner="katarina.novak",
        sponsor="matteo.ferrante",
        perspective="financial",
        horizon="long_term",
        source="cascaded",
        commitment="committed",
        toward=(Toward(MORE_BEDS_SOLD),),
        tags=("nightcard",),
        key_results=(
            KeyResult(
                "Nightcard annual recurring revenue",
                "increase",
                unit="M€",
                metric="nightcard_arr",
                start=6.1,
                target=6.5,
                said=(Said(55, 0.8, "Renewal letters with the nights they slept with us. They work."),),
            ),
            KeyResult(
                "Nightcard holders who leave in a month",
                "decrease",
                unit="%",
                metric="nightcard_churn",
                start=4.9,
                target=4.2,
                owner="maren.holst",
                said=(Said(69, 0.8, "Below four and a quarter, for the first time."),),
            ),
        ),
    ),
    Objective(
        SPARE_PARTS,
        insight="A car waited ten days for its repair and eight of them for a part that lay in another depot.",
        team=at.OPERATIONS,
        owner="ingrid.solberg",
        sponsor="rosa.delgado",
        perspective="internal_process",
        horizon="short_term",
        source="cross_team",
        commitment="aspirational",
        toward=(Toward(FACE),),
        tags=("fleet",),
        key_results=(
            KeyResult(
                "Days a car waits for its repair",
                "decrease",
                unit="days",
                metric="repair_days",
                start=10.5,
                target=8,
                stretch=7,
                weight=2,
                said=(
                    Said(20, 0.4, "Worse before better: the inventory closed two stores for a week."),
                    Said(76, 0.6, "Nine days. Doors are still scarce.", "One supplier for doors"),
                ),
            ),
            KeyResult(
                "Parts that lie where they are needed",
                "milestone",
                value_class="output",
                milestones=(("One catalogue", 1), ("Counted in all depots", 2), ("Moved", 3)),
                said=(
                    Said(13, 0.8, "One catalogue, 11,400 parts.", milestone="One catalogue"),
                    Said(41, 0.7, "Counted. We own 3,100 door handles.", milestone="Counted in all depots"),
                    Said(80, 0.9, "Moved, at night, with our own trains.", milestone="Moved"),
                ),
            ),
        ),
    ),
    Objective(
        BEFORE_ANGER,
        insight="A guest who waits half a day writes a second time, and the second letter takes three times as long to answer.",
        team=at.GUESTS,
        owner="tomasz.wolski",
        sponsor="hedda.lindqvist",
        perspective="customer",
        horizon="short_term",
        source="independent",
        commitment="committed",
        toward=(Toward(FACE),),
        tags=("service-desk",),
        key_results=(
            KeyResult(
                "Days until a refund arrives",
                "decrease",
                unit="days",
                metric="refund_days",
                start=12,
                target=8,
                weight=2,
                owner="maren.holst",
                said=(Said(62, 0.9, "Eight and a bit, down from twelve."),),
            ),
            KeyResult(
                "Hours until a guest has an answer",
                "at_most",
                unit="hours",
                metric="answer_hours",
                start=11,
                target=8,
                owner="maren.holst",
                said=(
                    Said(48, 0.4, "The storm week doubled the queue.", "Four people for nine languages"),
                    Said(87, 1.0, "The new inbox answers in two hours. It came in the very last week."),
                ),
            ),
            KeyResult(
                "One inbox instead of five",
                "binary",
                value_class="output",
                said=(Said(6, 0.5, "Five inboxes.", value=0), Said(86, 1.0, "One inbox.", value=1)),
            ),
        ),
    ),
    Objective(
        ROSTER,
        insight="A tenth of all shifts ran a steward short; on those nights the complaints double.",
        team=at.PEOPLE_TEAM,
        owner="clara.vandamme",
        sponsor="amelie.brandt",
        perspective="learning_growth",
        horizon="long_term",
        source="cross_team",
        commitment="aspirational",
        tags=("crew",),
        key_results=(
            KeyResult(
                "Shifts without a full crew",
                "decrease",
                unit="%",
                metric="short_shifts",
                start=9.5,
                target=5,
                weight=2,
                said=(Said(55, 0.7, "The Hamburg class has finished: twelve new colleagues."),),
            ),
            KeyResult(
                "How the night crew speak of their roster",
                "ordinal",
                zones=(
                    ("They leave over it", 0),
                    ("They bear it", 0.4),
                    ("They plan with it", 0.8),
                    ("They praise it", 1),
                ),
                said=(
                    Said(4, 0.5, "From the exit interviews.", zone="They leave over it"),
                    Said(45, 0.6, "From forty interviews in the depots.", zone="They bear it"),
                    Said(84, 0.6, "Swaps by phone made the difference.", zone="They plan with it"),
                ),
            ),
        ),
    ),
)

OBJECTIVES = (*_COMPANY, *_DIVISIONS)
