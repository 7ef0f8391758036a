"""Reads a condition: a part of CEL, checked while it is read, for which each evaluation ends after few steps.

Narrower than CEL where CEL would only fail later: types and nulls are settled here, so that the evaluator is handed nothing
it could refuse. Two liberties: numbers are doubles however they are written, and `has` also asks whether the value is null.
"""

from okr.rulesets.condition_context import FUNCTIONS, NAMES, NUMBER, RECORDS, TEXT, TEXTS, TRUTH, VALUES, ContextField
from okr.rulesets.condition_parts import MAX_NESTING, NO_NAMES, ConditionRefused, Part, Word, number, words

_COMPARISONS = frozenset({"<", "<=", ">", ">="})
_EQUALITIES = frozenset({"==", "!="})
_METHODS = frozenset({"startsWith", "endsWith", "contains"})
_MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
NULL = "null"
GROUP = "group"


def translated(text: str) -> str:
    """The condition as the evaluator is given it. Raises ConditionRefused with the column and what to write instead."""
    reader = _Reader(words(text))
    whole = reader.ternary()
    left_over = reader.word()
    if left_over.kind != "end":
        raise reader.refusal(left_over, f"{left_over.text} is not expected here")
    if whole.type != TRUTH:
        raise ConditionRefused(f"must be true or false, and this is a {whole.type}")
    if whole.may_be_null:
        raise ConditionRefused(f"may be null: write `{whole.path} == true`")
    return whole.text


class _Reader:
    def __init__(self, found: list[Word]) -> None:
        self._words = found
        self._at = 0
        self._nesting = 0
        self._set: frozenset[str] = NO_NAMES

    def word(self) -> Word:
        return self._words[self._at]

    def refusal(self, word: Word, message: str) -> ConditionRefused:
        return ConditionRefused(f"column {word.column}: {message}")

    def _next(self) -> Word:
        word = self.word()
        if word.kind != "end":
            self._at += 1
        return word

    def _accept(self, *signs: str) -> Word | None:
        word = self.word()
        return self._next() if word.text in signs and word.kind in ("sign", "name") else None

    def _expect(self, sign: str) -> None:
        word = self._next()
        if word.kind != "sign" or word.text != sign:
            raise self.refusal(word, f"{sign} is expected, not {word.text}")

    def ternary(self) -> Part:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise self.refusal(self.word(), f"parentheses and conditions nest more than {MAX_NESTING} deep")
        condition = self._either()
        asked = self._accept("?")
        if asked:
            self._settled(condition, TRUTH, asked)
            before = self._set
            self._set = before | condition.if_true
            then = self.ternary()
            self._set = before | condition.if_false
            self._expect(":")
            otherwise = self.ternary()
            self._set = before
            if then.type != otherwise.type or then.type.startswith(GROUP):
                raise self.refusal(asked, f"both ends of ? must be of one type, not {then.type} and {otherwise.type}")
            self._never_null(then, asked)
            self._never_null(otherwise, asked)
            condition = Part(then.type, f"({condition.text} ? {then.text} : {otherwise.text})")
        self._nesting -= 1
        return condition

    def _either(self) -> Part:
        left = self._both()
        before = self._set
        while sign := self._accept("||"):
            self._settled(left, TRUTH, sign)
            self._set = self._set | left.if_false
            right = self._settled(self._both(), TRUTH, sign)
            proven = left.if_true & right.if_true
            left = Part(TRUTH, f"{left.text} || {right.text}", if_true=proven, if_false=left.if_false | right.if_false)
        self._set = before
        return left

    def _both(self) -> Part:
        left = self._compared()
        before = self._set
        while sign := self._accept("&&"):
            self._settled(left, TRUTH, sign)
            self._set = self._set | left.if_true
            right = self._settled(self._compared(), TRUTH, sign)
            proven = left.if_false & right.if_false
            left = Part(TRUTH, f"{left.text} && {right.text}", if_true=left.if_true | right.if_true, if_false=proven)
        self._set = before
        return left

    def _compared(self) -> Part:
        left = self._sum()
        sign = self._accept("in", *_COMPARISONS, *_EQUALITIES)
        if sign is None:
            return left
        right = self._sum()
        if sign.text in _EQUALITIES:
            left = self._equality(left, sign, right)
        elif sign.text == "in":
            left = self._membership(left, sign, right)
        else:
            self._never_null(left, sign)
            self._never_null(right, sign)
            if left.type != right.type or left.type not in (NUMBER, TEXT):
                raise self.refusal(
                    sign, f"{sign.text} compares two numbers or two texts, not {left.type} and {right.type}"
                )
            left = Part(TRUTH, f"{left.text} {sign.text} {right.text}")
        if self.word().text in _COMPARISONS | _EQUALITIES and self.word().kind == "sign":
            raise self.refusal(self.word(), "comparisons cannot be chained: join two with &&")
        return left

    def _equality(self, left: Part, sign: Word, right: Part) -> Part:
        if NULL not in (left.type, right.type):
            if left.type != right.type or left.type.startswith(GROUP):
                raise self.refusal(sign, f"a {left.type} is never equal to a {right.type}")
            return Part(TRUTH, f"{left.text} {sign.text} {right.text}")
        asked = right if left.type == NULL else left
        text = f"{left.text} {sign.text} {right.text}"
        if asked.path is None:
            raise self.refusal(sign, "only a value of the context is compared with null")
        proven = frozenset({asked.path})
        return Part(TRUTH, text, if_true=proven) if sign.text == "!=" else Part(TRUTH, text, if_false=proven)

    def _membership(self, left: Part, sign: Word, right: Part) -> Part:
        if right.type != f"list of {left.type}s":
            raise self.refusal(sign, f"in asks whether a list has a value: {left.type} in {right.type} cannot be")
        return Part(TRUTH, f"{left.text} in {right.text}")

    def _sum(self) -> Part:
        left = self._product()
        while sign := self._accept("+", "-"):
            right = self._product()
            types = (NUMBER, TEXT) if sign.text == "+" else (NUMBER,)
            left = self._joined(left, sign, right, types=types)
        return left

    def _product(self) -> Part:
        left = self._unary()
        while sign := self._accept("*", "/"):
            left = self._joined(left, sign, self._unary(), types=(NUMBER,))
        return left

    def _joined(self, left: Part, sign: Word, right: Part, *, types: tuple[str, ...]) -> Part:
        if left.type != right.type or left.type not in types:
            raise self.refusal(sign, f"{sign.text} cannot join {left.type} and {right.type}")
        self._never_null(left, sign)
        self._never_null(right, sign)
        return Part(left.type, f"{left.text} {sign.text} {right.text}")

    def _unary(self) -> Part:
        sign = self._accept("!", "-")
        if sign is None:
            return self._member()
        if self.word().text in ("!", "-") and self.word().kind == "sign":
            raise self.refusal(sign, f"{sign.text} is written once")
        inner = self._settled(self._member(), TRUTH if sign.text == "!" else NUMBER, sign)
        return inner.negated() if sign.text == "!" else Part(NUMBER, f"-{inner.text}")

    def _member(self) -> Part:
        part = self._primary()
        while sign := self._accept(".", "["):
            part = self._selected(part, sign) if sign.text == "." else self._indexed(part, sign)
        return part

    def _primary(self) -> Part:
        word = self._next()
        match word.kind:
            case "number":
                return Part(NUMBER, number(word))
            case "text":
                return Part(TEXT, word.text)
            case "name":
                return self._named(word)
        if word.text == "(" and word.kind == "sign":
            inner = self.ternary()
            self._expect(")")
            return Part(inner.type, f"({inner.text})", inner.path, inner.may_be_null, inner.if_true, inner.if_false)
        if word.text == "[" and word.kind == "sign":
            return self._list(word)
        raise self.refusal(word, f"a value is expected, not {word.text}")

    def _named(self, word: Word) -> Part:
        if word.text in ("true", "false"):
            return Part(TRUTH, word.text)
        if word.text == NULL:
            return Part(NULL, NULL)
        if self._accept("("):
            return self._function(word)
        if word.text in VALUES:
            return self._value(VALUES[word.text], path=word.text, text=word.text)
        if word.text in RECORDS:
            may_be_null = RECORDS[word.text].nullable and word.text not in self._set
            return Part(f"{GROUP} {word.text}", word.text, word.text, may_be_null)
        raise self.refusal(word, f"there is no {word.text} here: conditions know {', '.join(NAMES)}")

    def _value(self, field: ContextField, *, path: str, text: str) -> Part:
        return Part(field.type, text, path, field.nullable and path not in self._set)

    def _list(self, opened: Word) -> Part:
        parts: list[Part] = []
        while not self._accept("]"):
            if parts:
                self._expect(",")
            part = self.ternary()
            self._never_null(part, opened)
            parts.append(part)
        types = {part.type for part in parts}
        if len(types) != 1 or not types & {NUMBER, TEXT}:
            raise self.refusal(opened, "a list holds numbers or texts, of one type and at least one")
        return Part(f"list of {types.pop()}s", f"[{', '.join(part.text for part in parts)}]")

    def _selected(self, part: Part, dot: Word) -> Part:
        word = self._next()
        if word.kind != "name":
            raise self.refusal(word, f"a name is expected after the point, not {word.text}")
        if self._accept("("):
            return self._method(part, word)
        record = RECORDS.get(part.path or "") if part.type.startswith(GROUP) else None
        if record is None:
            raise self.refusal(word, f"a {part.type} has no {word.text}")
        field = record.field(word.text)
        if field is None:
            known = ", ".join(one.name for one in record.fields)
            raise self.refusal(word, f"{record.name} has no {word.text}: it has {known}")
        self._never_null(part, dot)
        return self._value(field, path=f"{record.name}.{field.name}", text=f"{part.text}.{field.name}")

    def _indexed(self, part: Part, opened: Word) -> Part:
        word = self._next()
        if part.type not in (TEXTS, "list of numbers") or word.kind != "number" or not word.text.isdecimal():
            raise self.refusal(opened, "only a list has places, named by a whole number: subject.tags[0]")
        number(word)
        self._expect("]")
        return Part(part.type.removeprefix("list of ").removesuffix("s"), f"{part.text}[{word.text}]")

    def _method(self, part: Part, word: Word) -> Part:
        if word.text == "size":
            self._expect(")")
            return self._size(part, word)
        if word.text in _MACROS or word.text == "matches":
            raise self.refusal(word, f"{word.text} is not allowed: it could take unlimited time")
        if word.text not in _METHODS:
            raise self.refusal(word, f"there is no function {word.text}: use {', '.join(FUNCTIONS)}")
        argument = self.ternary()
        self._expect(")")
        self._settled(part, TEXT, word)
        self._settled(argument, TEXT, word)
        return Part(TRUTH, f"{part.text}.{word.text}({argument.text})")

    def _function(self, word: Word) -> Part:
        if word.text not in FUNCTIONS or word.text in _METHODS:
            if word.text in FUNCTIONS:
                raise self.refusal(word, f"{word.text} is written behind the text: {FUNCTIONS[word.text]}")
            raise self.refusal(word, f"there is no function {word.text}: use {', '.join(FUNCTIONS)}")
        if word.text == "has":
            return self._has(word)
        argument = self.ternary()
        self._expect(")")
        if word.text == "size":
            return self._size(argument, word)
        self._never_null(argument, word)
        types = (NUMBER, TEXT, TRUTH) if word.text == "string" else (NUMBER, TEXT)
        if argument.type not in types:
            raise self.refusal(word, f"{word.text} cannot turn a {argument.type} into something else")
        if word.text == "int":
            return Part(NUMBER, f"double(int(double({argument.text})))")
        return Part(TEXT if word.text == "string" else NUMBER, f"{word.text}({argument.text})")

    def _size(self, part: Part, word: Word) -> Part:
        self._never_null(part, word)
        if part.type != TEXT and not part.type.startswith("list"):
            raise self.refusal(word, f"only a text or a list has a size, not a {part.type}")
        return Part(NUMBER, f"double(size({part.text}))")

    def _has(self, word: Word) -> Part:
        """`has(group.field)`; the group need not be proven, since asking is the point."""
        group, dot, name = self._next(), self._next(), self._next()
        record = RECORDS.get(group.text)
        if record is None or dot.text != "." or record.field(name.text) is None:
            raise self.refusal(word, f"has asks for a value of a group: {FUNCTIONS['has']}")
        self._expect(")")
        path = f"{record.name}.{name.text}"
        return Part(TRUTH, f"({record.name} != null && {path} != null)", if_true=frozenset({record.name, path}))

    def _settled(self, part: Part, type: str, word: Word) -> Part:
        if part.type != type:
            raise self.refusal(word, f"{word.text} needs a {type}, not a {part.type}")
        self._never_null(part, word)
        return part

    def _never_null(self, part: Part, word: Word) -> None:
        if part.type == NULL:
            raise self.refusal(word, f"{word.text} cannot work with null")
        if part.may_be_null:
            raise self.refusal(word, f"{part.path} may be null: guard it with `{part.path} != null && …`")
