"""Conditions at random: words strung together, accepted ones broken, and contexts with anything in them."""

from hypothesis import strategies as st

from okr.rulesets.condition_context import RECORDS, VALUES, Context, ContextField

GOOD = (
    "true",
    'subject.kind == "objective" && "growth" in subject.tags',
    "subject.grade != null && subject.confidence != null && subject.grade - subject.confidence > 0.3",
    'metric != null && metric.is_core && metric.source != null && metric.source.startsWith("bill")',
    "metric == null || !metric.is_core",
    "has(team.name) && size(team.name) > 3",
    'subject.commitment in ["committed", "learning"] ? counts.graded / counts.parts >= 0.5 : elapsed == null',
    "size(subject.tags) > 0 && int(counts.parts * 2) - -1 <= 9",
    'string(counts.parts) + "x" == "3x"',
)

_WORDS = (
    *RECORDS,
    *(f"{name}.{field.name}" for name, record in RECORDS.items() for field in record.fields),
    *VALUES,
    *("(", ")", "[", "]", ",", "?", ":", ".", "&&", "||", "!", "-", "+", "*", "/", "%", "in", "{", "}"),
    *("==", "!=", "<", ">", "<=", ">=", "null", "true", "false", "0", "1.5", "1e15", "9" * 20, '"x"', "'y'"),
    *("has(", "size(", "string(", "int(", "double(", ".size()", '.contains("a")', ".matches(", ".map(x, ", "[0]"),
    *("b'x'", 'r"x"', '"""', "//", "\\", "1u", "0x1F", "`", "é", "\0"),
)


def _broken(good: str, cut: tuple[int, int], put: str) -> str:
    first, last = sorted(one % (len(good) + 1) for one in cut)
    return good[:first] + put + good[last:]


def texts() -> st.SearchStrategy[str]:
    """Text that might be a condition and mostly is none."""
    strung = st.lists(st.sampled_from(_WORDS), max_size=25).map(" ".join)
    places = st.tuples(st.integers(0, 200), st.integers(0, 200))
    broken = st.builds(_broken, st.sampled_from(GOOD), places, st.sampled_from(_WORDS) | st.text(max_size=3))
    repeated = st.builds(lambda one, times: one * times, st.sampled_from(_WORDS), st.integers(0, 120))
    return st.text(max_size=60) | strung | broken | repeated | _meaningful()


def _meaningful() -> st.SearchStrategy[str]:
    """Conditions of the right shape, guarded or not, for which the types mostly fit."""
    fields = [(f"{name}.{one.name}", one.type) for name, record in RECORDS.items() for one in record.fields]
    numbers = st.sampled_from([path for path, type in fields if type == "number"] + ["elapsed", "2", "0.5", "0"])
    names = st.sampled_from([path for path, type in fields if type == "text"] + ['"x"', '"key_result"'])
    asked = st.sampled_from([path for path, _ in fields] + list(RECORDS))
    leaf = st.one_of(
        st.builds("{} {} {}".format, numbers, st.sampled_from(["<", ">=", "==", "!="]), numbers),
        st.builds("{} {} {} > {}".format, numbers, st.sampled_from("+-*/"), numbers, numbers),
        st.builds("{} == {}".format, names, names),
        st.builds("{} {} null".format, asked, st.sampled_from(["==", "!="])),
        st.builds("has({})".format, asked),
        st.builds("{}.startsWith({})".format, names, names),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds("({}) && ({})".format, inner, inner),
            st.builds("({}) || ({})".format, inner, inner),
            st.builds("!({})".format, inner),
            st.builds("({}) ? ({}) : ({})".format, inner, inner, inner),
        ),
        max_leaves=5,
    )


def _value(field: ContextField) -> st.SearchStrategy[object]:
    match field.type:
        case "number":
            values: st.SearchStrategy[object] = st.floats(-1e15, 1e15)
        case "truth":
            values = st.booleans()
        case "text":
            values = st.text(max_size=5) | st.sampled_from(field.words or ("a",))
        case _:
            values = st.lists(st.text(max_size=5), max_size=3)
    return st.none() | values if field.nullable else values


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    """Any context that the description allows."""
    context: dict[str, object] = {}
    for name, record in RECORDS.items():
        is_null = record.nullable and draw(st.booleans())
        context[name] = None if is_null else {field.name: draw(_value(field)) for field in record.fields}
    return {**context, **{name: draw(_value(field)) for name, field in VALUES.items()}}
