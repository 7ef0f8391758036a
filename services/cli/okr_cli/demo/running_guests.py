"""What those who look after the guests want from the running cycle."""

from okr_cli.demo import company as at
from okr_cli.demo.model import KeyResult, Objective, Said, Toward
from okr_cli.demo.running_company import OBVIOUS_CHOICE

WORTH_TELLING = "Give guests a night worth talking about"
PAINLESS_CHANGES = "Make a change of plan a matter of seconds"
AWAKE = "Learn what keeps our guests awake"

OBJECTIVES = (
    Objective(
        WORTH_TELLING,
        insight="Half of all reviews speak of two moments: the welcome at the door and the last hour before arrival. Both "
        "depend on one steward having time, not on the cabin.",
        team=at.GUESTS,
        owner="tomasz.wolski",
        sponsor="hedda.lindqvist",
        perspective="customer",
        horizon="long_term",
        source="cascaded",
        commitment="aspirational",
        toward=(Toward(OBVIOUS_CHOICE),),
        tags=("guests",),
        contributors=("noor.haddad", "maren.holst"),
        key_results=(
            KeyResult(
                "How well guests slept",
                "increase",
                unit="points",
                metric="sleep_score",
                start=7,
                target=7.8,
                stretch=8.2,
                weight=2,
                said=(
                    Said(18, 0.6, "Quiet cars score eight, the others seven. So it is the car after all."),
                    Said(46, 0.6, "As many quiet cars as the workshop can give us, on the longest lines first."),
                ),
            ),
            KeyResult(
                "Hours until a guest has an answer",
                "decrease",
                unit="hours",
                metric="answer_hours",
                start=9,
                target=6,
                owner="maren.holst",
                said=(
                    Said(1, 1.0, "The new inbox went live days before the quarter. Our target was made before that."),
                    Said(25, 1.0, "Far beyond the target. We were too modest, and say so in the review."),
                ),
            ),
            KeyResult(
                "Reviews that name a steward",
                "reach",
                unit="%",
                start=14,
                target=25,
                indicator="leading",
                owner="noor.haddad",
                said=(
                    Said(-1, 0.5, "Read by hand, four hundred reviews.", value=14),
                    Said(27, 0.6, "More on lines where the steward greets at the door.", value=17),
                    Said(48, 0.6, "Again four hundred, by the same two readers.", value=20),
                    Said(76, 0.7, "Nearly there.", value=23),
                ),
            ),
        ),
    ),
    Objective(
        PAINLESS_CHANGES,
        insight="Two of three calls to the service desk ask to move a booking by a day. The call takes nine minutes, and the "
        "guest has usually tried the app before.",
        team=at.DIGITAL,
        owner="yusuf.demir",
        sponsor="tomasz.wolski",
        perspective="internal_process",
        horizon="short_term",
        source="cross_team",
        commitment="committed",
        toward=(Toward(WORTH_TELLING),),
        tags=("app", "service-desk"),
        contributors=("leo.marchetti", "maren.holst"),
        key_results=(
            KeyResult(
                "Changes of plan that guests make without us",
                "increase",
                unit="%",
                metric="self_service_share",
                start=35,
                target=55,
                weight=2,
                said=(
                    Said(11, 0.6, "No movement: the button is two screens away from the ticket."),
                    Said(27, 0.9, "The button moved onto the ticket, and the number with it."),
                ),
            ),
            KeyResult(
                "Days until a refund arrives",
                "decrease",
                unit="days",
                metric="refund_days",
                start=8,
                target=5,
                owner="maren.holst",
                said=(Said(32, 0.6, "Cards are paid out at once now; bank transfers still wait for a Friday."),),
            ),
            KeyResult(
                "App rating",
                "reach",
                unit="stars",
                metric="app_rating",
                start=4.2,
                target=4.4,
                owner="leo.marchetti",
            ),
            KeyResult(
                "An accessibility audit without a blocking finding",
                "binary",
                value_class="output",
                owner="leo.marchetti",
                said=(
                    Said(-1, 0.6, "Eleven blocking findings.", value=0),
                    Said(40, 0.8, "Two left, both in the seat map.", value=0),
                    Said(61, 1.0, "None. The auditor travelled home with us.", value=1),
                ),
            ),
        ),
    ),
    Objective(
        AWAKE,
        insight="We have opinions about noise, light, heat and nerves, and no ranking. Sensors in twelve cabins and a diary "
        "could give one; nobody in the industry has published any.",
        team=at.ON_BOARD,
        owner="noor.haddad",
        sponsor="tomasz.wolski",
        perspective="learning_growth",
        horizon="long_term",
        source="independent",
        commitment="learning",
        toward=(Toward(WORTH_TELLING, weight=0.5),),
        tags=("experiment", "crew"),
        key_results=(
            KeyResult(
                "Complaints about noise, per 1,000 guests",
                "decrease",
                unit="complaints",
                metric="noise_complaints",
                start=9.1,
                target=6.5,
                stretch=5,
                said=(Said(39, 0.5, "Rubber on the door latches: eight cents a door, and the corridor is silent."),),
            ),
            KeyResult(
                "How sure we are of the ranking",
                "ordinal",
                zones=(("Opinions", 0), ("A hypothesis", 0.3), ("Seen twice", 0.7), ("Seen by somebody else", 1)),
                weight=2,
                said=(
                    Said(-1, 0.5, "Opinions, loud ones.", zone="Opinions"),
                    Said(20, 0.6, "Doors first, then braking, then neighbours.", zone="A hypothesis"),
                    Said(49, 0.7, "The second month says the same.", zone="Seen twice"),
                ),
            ),
            KeyResult(
                "Nights recorded with a diary",
                "count_ratio",
                unit="nights",
                target=240,
                value_class="activity",
                indicator="leading",
                said=(
                    Said(-1, 0.7, "Twelve cabins wired.", value=0),
                    Said(15, 0.7, "More guests volunteer than we have cabins.", value=58),
                    Said(36, 0.8, "Half way.", value=131),
                    Said(57, 0.9, "Good.", value=188),
                ),
            ),
        ),
    ),
)
