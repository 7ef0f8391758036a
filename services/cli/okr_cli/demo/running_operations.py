"""What those who run the trains want from the running cycle."""

from okr_cli.demo import company as at
from okr_cli.demo.model import KeyResult, Objective, Said, Toward
from okr_cli.demo.running_company import DEPENDABILITY, PRINTED_PROMISE

FORGIVING_NETWORK = "Run a network that forgives a bad night"
EARLY_SIGHT = "See trouble before the guests do"
OWN_BED = "Send out only cars we would sleep in ourselves"

OBJECTIVES = (
    Objective(
        FORGIVING_NETWORK,
        insight="The storms of last quarter cost us one night each and their echo cost three more: trains and crews ended "
        "in the wrong city, and nobody had decided beforehand who waits for whom.",
        team=at.OPERATIONS,
        owner="rosa.delgado",
        sponsor="hedda.lindqvist",
        perspective="internal_process",
        horizon="short_term",
        source="cascaded",
        commitment="committed",
        toward=(Toward(PRINTED_PROMISE),),
        tags=("dependability", "recovery"),
        contributors=("piotr.zielinski",),
        key_results=(
            KeyResult(
                "Arrivals within 15 minutes",
                "at_least",
                unit="%",
                metric="arrivals_on_time_28d",
                start=75,
                target=85,
                weight=2,
                owner="piotr.zielinski",
                said=(
                    Said(4, 0.5, "We climb out of the storm weeks; a third of the way is just that."),
                    Said(32, 0.7, "Eighty for the first time since the landslide at Göschenen."),
                    Said(46, 0.5, "A plateau: what is left is Basel.", "Works at Basel until the timetable change"),
                ),
            ),
            KeyResult(
                "Departures cancelled",
                "at_most",
                unit="%",
                metric="cancelled_departures",
                start=2.2,
                target=1,
                said=(
                    Said(25, 0.7, "The spare set in Munich has saved six nights so far."),
                    Said(53, 0.9, "Below one per cent. Now it has to stay there."),
                ),
            ),
            KeyResult(
                "Longest echo of a bad night",
                "decrease",
                unit="nights",
                start=3,
                target=1,
                stretch=0,
                said=(
                    Said(-1, 0.4, "Three nights, as in the storm week.", value=3),
                    Said(22, 0.6, "The strike echoed for two nights.", value=2),
                    Said(50, 0.7, "Fog at Milan: one night, then everything stood where it should.", value=1),
                ),
            ),
        ),
    ),
    Objective(
        EARLY_SIGHT,
        insight="Guests hear of a delay from the station's loudspeaker before they hear it from us. The service desk asked "
        "for this: every announced delay saves it four calls.",
        team=at.NETWORK,
        owner="piotr.zielinski",
        sponsor="rosa.delgado",
        perspective="internal_process",
        horizon="short_term",
        source="cross_team",
        commitment="aspirational",
        toward=(Toward(FORGIVING_NETWORK),),
        tags=("recovery", "service-desk"),
        contributors=("yusuf.demir",),
        key_results=(
            KeyResult(
                "Delays announced an hour ahead",
                "increase",
                unit="%",
                metric="delays_announced",
                start=41,
                target=65,
                weight=2,
                indicator="leading",
                said=(
                    Said(11, 0.6, "Dispatchers type what they know instead of what is certain."),
                    Said(32, 0.4, "Stuck below half. Italy is blind: their positions reach us twenty minutes late."),
                ),
            ),
            KeyResult(
                "Diversion plan with the infrastructure managers",
                "ordinal",
                zones=(
                    ("Phone calls in the night", 0),
                    ("One corridor rehearsed", 0.4),
                    ("All corridors rehearsed", 0.8),
                    ("Used in earnest and it held", 1),
                ),
                said=(
                    Said(-1, 0.5, "Today it is two people and their phone books.", zone="Phone calls in the night"),
                    Said(29, 0.7, "The Brenner rehearsal went well.", zone="One corridor rehearsed"),
                    Said(67, 0.8, "Gotthard and Rhine too.", zone="All corridors rehearsed"),
                ),
            ),
            KeyResult(
                "Italian positions arrive live",
                "binary",
                value_class="output",
                said=(
                    Said(-1, 0.5, "They come as a file, four times an hour.", value=0),
                    Said(43, 0.3, "The interface exists, the permission does not.", "A lawyer in Rome", value=0),
                    Said(78, 0.9, "Live since this morning.", value=1),
                ),
            ),
        ),
    ),
    Objective(
        OWN_BED,
        insight="A third of the cars leave the depot with a defect that somebody has written down. The crews stopped "
        "writing, because nothing happened for eleven days.",
        team=at.FLEET,
        owner="ingrid.solberg",
        sponsor="rosa.delgado",
        perspective="internal_process",
        horizon="long_term",
        source="cascaded",
        commitment="aspirational",
        toward=(Toward(PRINTED_PROMISE, key_result=DEPENDABILITY),),
        tags=("fleet", "dependability"),
        contributors=("felix.grau",),
        key_results=(
            KeyResult(
                "Days a car waits for its repair",
                "decrease",
                unit="days",
                metric="repair_days",
                start=8.8,
                target=6,
                commit=7.5,
                stretch=5,
                weight=2,
                said=(
                    Said(18, 0.7, "Spare doors lie in three depots now, not in one."),
                    Said(39, 0.7, "Seven days, and the crews write defects down again: more reports, shorter queue."),
                ),
            ),
            KeyResult(
                "Sleeping cars fit for service",
                "increase",
                unit="%",
                metric="car_availability",
                start=87,
                target=92,
                said=(Said(25, 0.6, "Weekends are worse: the workshop closes on Friday at two."),),
            ),
            KeyResult(
                "Cabins neither stuffy nor cold",
                "band",
                unit="°C",
                metric="cabin_temperature",
                low=18,
                high=20,
                said=(
                    Said(18, 0.5, "A degree too warm in the older cars.", "Valves for the 1998 series"),
                    Said(46, 0.7, "Half of the valves are in, and one sees it."),
                ),
            ),
            KeyResult(
                "Cars with the quiet fit-out",
                "count_ratio",
                unit="cars",
                metric="quiet_cars",
                target=20,
                value_class="output",
                indicator="leading",
            ),
        ),
    ),
)
