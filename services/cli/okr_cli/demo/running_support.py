"""What Finance and People want from the running cycle."""

from okr_cli.demo import company as at
from okr_cli.demo.model import KeyResult, Objective, Said, Toward
from okr_cli.demo.running_company import NIGHT_PEOPLE, OWN_GROWTH

THIRD_MONTH = "Carry new stewards over the third month"
COST_OF_A_NIGHT = "Know what a night costs before the next one begins"

OBJECTIVES = (
    Objective(
        THIRD_MONTH,
        insight="Of those who left, two of three had worked four nights in a row in their third month. None of those with a "
        "mentor left before the sixth.",
        team=at.PEOPLE_TEAM,
        owner="clara.vandamme",
        sponsor="amelie.brandt",
        perspective="learning_growth",
        horizon="short_term",
        source="cascaded",
        commitment="committed",
        toward=(Toward(NIGHT_PEOPLE),),
        tags=("crew",),
        contributors=("noor.haddad",),
        key_results=(
            KeyResult(
                "Shifts without a full crew",
                "at_most",
                unit="%",
                metric="short_shifts",
                start=5.2,
                target=3,
                weight=2,
                said=(
                    Said(18, 0.6, "The pool of volunteers helps on Fridays, not on Sundays."),
                    Said(46, 0.6, "Down again; Hamburg is the only depot above five."),
                ),
            ),
            KeyResult(
                "New stewards with a mentor of their own line",
                "count_ratio",
                unit="stewards",
                target=34,
                value_class="output",
                indicator="leading",
                said=(
                    Said(-1, 0.7, "Nine to begin with.", value=9),
                    Said(22, 0.8, "Mentors get two paid hours a week, and suddenly there are mentors.", value=19),
                    Said(47, 0.8, "The Zürich depot is complete.", value=25),
                ),
            ),
            KeyResult(
                "Trial rosters agreed with the works council",
                "milestone",
                value_class="activity",
                milestones=(("Zürich", 1), ("Vienna", 1), ("Hamburg", 2)),
                said=(
                    Said(10, 0.7, "Zürich begins.", milestone="Zürich"),
                    Said(38, 0.6, "Vienna too.", "Hamburg wants to see a month of Zürich first", milestone="Vienna"),
                ),
            ),
        ),
    ),
    Objective(
        COST_OF_A_NIGHT,
        insight="We learn on the tenth working day what last month has cost. Two lines lost money for five weeks before "
        "anybody could have known.",
        team=at.FINANCE,
        owner="felix.grau",
        sponsor="amelie.brandt",
        perspective="financial",
        horizon="long_term",
        source="independent",
        commitment="committed",
        toward=(Toward(OWN_GROWTH, mode="support"),),
        tags=("lenders", "energy"),
        contributors=("ingrid.solberg",),
        key_results=(
            KeyResult(
                "Working days to close a month",
                "decrease",
                unit="days",
                metric="closing_days",
                start=9.5,
                target=6,
                weight=2,
                said=(
                    Said(
                        11, 0.6, "Track invoices arrive on day six whatever we do.", "Paper invoices from two countries"
                    ),
                    Said(43, 0.6, "Eight days, with estimates for the two laggards."),
                ),
            ),
            KeyResult(
                "Energy per car-kilometre",
                "reach",
                unit="kWh",
                metric="energy_per_car_km",
                start=3.8,
                target=3.5,
                owner="ingrid.solberg",
                said=(Said(32, 0.7, "Heating at the platform from the wire, not from the car: a tenth less."),),
            ),
            KeyResult(
                "Lines whose result is known the next morning",
                "count_ratio",
                unit="of 9 lines",
                target=9,
                said=(
                    Said(-1, 0.6, "One, as a trial.", value=1),
                    Said(29, 0.7, "The three Alpine lines.", value=4),
                    Said(51, 0.7, "Milan too.", value=5),
                ),
            ),
        ),
    ),
)
