"""What was typed, before the parser sees it: settings of a file made flags, fractions for whole numbers refused."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

from elman.errors import InputError, reason
from elman.tasks.load import TASKS


def flag_of(setting: str) -> str:
    return f"--{setting.strip('_').replace('_', '-')}"  # as_ is as, a word of Python


def with_medium(arguments: list[str]) -> list[str]:
    """``fit generate --as pixels`` is ``fit paint``, ``--as text`` what ``fit generate`` does without it."""
    if arguments[:2] != ["fit", "generate"]:
        return arguments
    flags = [token.partition("=") for token in arguments]
    at = next((place for place, (flag, _, _) in enumerate(flags) if flag == "--as"), None)
    if at is None:
        return arguments
    joined = bool(flags[at][1])
    value = flags[at][2] if joined else " ".join(arguments[at + 1 : at + 2])
    if value not in ("pixels", "text"):
        raise InputError(f"--as is {value!r}, but what is generated is text or pixels: give one of these")
    rest = arguments[:at] + arguments[at + (1 if joined else 2) :]
    return ["fit", "paint" if value == "pixels" else "generate", *rest[2:]]


def with_config(arguments: list[str]) -> list[str]:
    """Replace ``--config FILE.toml`` by the flags it stands for; flags on the command line win."""
    at = next((i for i, token in enumerate(arguments) if token.split("=")[0] == "--config"), None)
    if at is None:
        return arguments
    joined, rest = "=" in arguments[at], arguments[:at]
    named = arguments[at].partition("=")[2:] if joined else arguments[at + 1 : at + 2]
    if not named or not named[0]:
        raise InputError("--config needs the name of a TOML file")
    rest += arguments[at + (1 if joined else 2) :]
    path = Path(named[0])
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no file {path} for --config: check the name and the folder") from None
    except OSError as error:
        raise InputError(f"cannot read {path} for --config ({error.strerror}): give a TOML file") from None
    except (ValueError, RecursionError) as error:  # TOML's own, UTF-8's, and of numbers of too many digits
        raise InputError(f"{path} is not readable as TOML ({reason(error)}): correct it") from None
    given = {token.split("=")[0].replace("--no-", "--", 1) for token in rest}
    flags: list[str] = []
    for name, value in settings.items():
        flag = flag_of(name)
        if flag in given:
            continue
        if isinstance(value, bool):
            flags.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            flags += [f"{flag}={item}" for item in (value if isinstance(value, list) else [value])]
    return rest + flags


def whole_numbers(arguments: list[str]) -> list[str]:
    """Refuse a fraction where a whole number is needed: the library would round it without a word."""
    settings = [f for task in TASKS.values() for f in fields(task.Config)]
    whole = {flag_of(f.name) for f in settings if str(f.type).split(" ")[0] == "int"}
    whole |= {"--length", "--top-k", "--count", "--trials", "--folds", "--seeds", "--opset", "--port"}
    for flag, _, value in (token.partition("=") for token in [*arguments, *map("=".join, pairwise(arguments))]):
        if flag in whole and re.fullmatch(r"-?\d*\.\d+|-?\d+\.", value):
            raise InputError(f"{flag} must be a whole number, but is {value}")
    return arguments
