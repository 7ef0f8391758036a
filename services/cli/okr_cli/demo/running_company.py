"""What the company as a whole wants from the running cycle."""

from okr_cli.demo import company as at
from okr_cli.demo.model import KeyResult, Objective, Said

OBVIOUS_CHOICE = "Make the night train the obvious way to cross Europe"
OWN_GROWTH = "Earn the growth we used to borrow"
PRINTED_PROMISE = "Keep the promise that is printed on the ticket"
NIGHT_PEOPLE = "Be where night people want to work"
DEPENDABILITY = "Dependability index"

OBJECTIVES = (
    Objective(
        OBVIOUS_CHOICE,
        insight="Seven of ten guests who slept well booked again within a year; of those who flew the same route with us "
        "as their second choice, two did. People do not compare us with other trains but with a flight at six.",
        description="Guests should think of the evening departure first and of the airport second.",
        team=at.COMPANY,
        owner="matteo.ferrante",
        sponsor="hedda.lindqvist",
        perspective="customer",
        horizon="long_term",
        source="independent",
        commitment="aspirational",
        tags=("north-star", "guests"),
        contributors=("tomasz.wolski", "jonas.okafor"),
        key_results=(
            KeyResult(
                "Guest NPS",
                "increase",
                unit="points",
                metric="guest_nps_28d",
                start=39,
                target=48,
                commit=42,
                stretch=53,
                weight=2,
                owner="tomasz.wolski",
                said=(
                    Said(
                        4, 0.6, "A quiet start. Scores on the Alpine lines are back where they were before the storms."
                    ),
                    Said(25, 0.7, "Up three points; two thirds of the new promoters name the crew, not the cabin."),
                    Said(46, 0.7, "Steady. Breakfast is now the weakest answer, so that is what we look at next."),
                ),
            ),
            KeyResult(
                "Berths sold",
                "increase",
                unit="%",
                metric="load_factor_28d",
                start=71,
                target=77,
                said=(
                    Said(11, 0.7, "Week nights still carry the weekend. Tuesdays are our problem, not Saturdays."),
                    Said(
                        39,
                        0.5,
                        "Flat for three weeks on the Vienna line.",
                        "Two cars short until the workshop delivers",
                    ),
                ),
            ),
            KeyResult(
                "Travellers who would look for us before a flight",
                "increase",
                unit="%",
                start=22,
                target=30,
                indicator="leading",
                said=(
                    Said(
                        18,
                        0.3,
                        "No first wave yet, so no number. I would rather leave it empty than guess.",
                        "The contract with the survey panel waits for a signature",
                    ),
                ),
            ),
        ),
    ),
    Objective(
        OWN_GROWTH,
        insight="The last two cars were paid for with a loan at 7 %. Every point of load factor pays for a tenth of a car, "
        "and the lenders ask for three quarters in a row before they talk about better terms.",
        team=at.COMPANY,
        owner="amelie.brandt",
        sponsor="hedda.lindqvist",
        perspective="financial",
        horizon="short_term",
        source="independent",
        commitment="committed",
        tags=("lenders",),
        contributors=("felix.grau",),
        weight=1.5,
        key_results=(
            KeyResult(
                "Ticket revenue in seven nights",
                "increase",
                unit="k€",
                metric="ticket_revenue_7d",
                start=1360,
                target=1500,
                weight=2,
                owner="matteo.ferrante",
                said=(
                    Said(11, 0.8, "The fare families work: more couples take the two-berth cabin."),
                    Said(46, 0.7, "A soft week after the strike weekend, then back to plan."),
                ),
            ),
            KeyResult(
                "Cost per berth-kilometre",
                "decrease",
                unit="ct",
                metric="cost_per_berth_km",
                start=6.7,
                target=6.3,
                owner="felix.grau",
                said=(
                    Said(25, 0.4, "Track access went up with the new price list.", "Track prices are fixed for a year"),
                    Said(46, 0.5, "The longer trains on Fridays help more than we thought."),
                ),
            ),
            KeyResult(
                "Months of cash stay above twelve",
                "guardrail",
                unit="months",
                metric="cash_months",
                low=12,
                owner="felix.grau",
            ),
        ),
    ),
    Objective(
        PRINTED_PROMISE,
        insight="A guest forgives a late train and remembers a missing car. Four of five refunds above 200 € begin with a "
        "car that was swapped within six hours of departure.",
        team=at.COMPANY,
        owner="rosa.delgado",
        sponsor="hedda.lindqvist",
        perspective="internal_process",
        horizon="short_term",
        source="independent",
        commitment="committed",
        tags=("dependability", "guests"),
        contributors=("ingrid.solberg", "noor.haddad"),
        key_results=(
            KeyResult(
                "Nights without a swapped or missing car",
                "increase",
                unit="share",
                metric="unbroken_nights",
                start=0.88,
                target=0.94,
                owner="ingrid.solberg",
                said=(Said(32, 0.6, "Every swap is now explained the next morning. Half of them were doors."),),
            ),
            KeyResult(
                "Guests woken at the time they asked for",
                "increase",
                unit="share",
                metric="woken_on_time",
                start=0.9,
                target=0.96,
                indicator="leading",
                owner="noor.haddad",
                said=(Said(18, 0.8, "The tablet reminds the steward ten minutes before. Simple, and it works."),),
            ),
            KeyResult(
                DEPENDABILITY,
                "composite",
                unit="index",
                op="mean",
                operands=("Nights without a swapped or missing car", "Guests woken at the time they asked for"),
                start=0.5,
                target=0.95,
                weight=2,
                said=(
                    Said(39, 0.6, "Fleet Care's own goal counts in this index: a car we refuse cannot fail at night."),
                ),
            ),
            KeyResult(
                "Stranded guests stay below 12 in 10,000",
                "guardrail",
                unit="guests",
                metric="stranded_guests",
                high=12,
                owner="piotr.zielinski",
                said=(
                    Said(
                        4,
                        0.3,
                        "We begin the quarter above the line, and the whole objective is capped until we are below it.",
                        "The Basel connection leaves five minutes too early",
                    ),
                    Said(
                        32,
                        0.2,
                        "Worse, not better: the works at Basel moved our platform across the station.",
                        "Works at Basel until the timetable change",
                    ),
                ),
            ),
        ),
    ),
    Objective(
        NIGHT_PEOPLE,
        insight="We lose one of four stewards in the first year, most of them in the third month, when the roster stops "
        "being gentle. A steward who stays two years is named in three times as many good reviews.",
        team=at.COMPANY,
        owner="clara.vandamme",
        sponsor="amelie.brandt",
        perspective="learning_growth",
        horizon="long_term",
        source="independent",
        commitment="aspirational",
        tags=("crew",),
        contributors=("noor.haddad",),
        key_results=(
            KeyResult(
                "Night crew who leave within their first year",
                "decrease",
                unit="%",
                metric="early_leavers",
                start=23.5,
                target=19,
                stretch=17,
                weight=2,
                said=(
                    Said(11, 0.5, "Too early to see anything; those who joined in spring decide about now."),
                    Said(46, 0.5, "Nobody from the two pilot depots has left since the rosters changed."),
                ),
            ),
            KeyResult(
                "Crew pulse",
                "increase",
                unit="points",
                metric="crew_pulse",
                start=63,
                target=70,
                indicator="leading",
                said=(
                    Said(
                        25,
                        0.4,
                        "The survey has been paused while the works council looks at it; the last number is old.",
                        "Works council's approval of the new questions",
                    ),
                ),
            ),
            KeyResult(
                "Rosters keep eleven hours of rest",
                "guardrail",
                unit="%",
                metric="rested_rosters",
                low=98,
            ),
        ),
    ),
)
