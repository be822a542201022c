# SPDX-License-Identifier: MIT
"""What templates may not do: run code, read files, last for ever, know that they are reviewed."""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from pathlib import Path

import pytest
from jinja2.exceptions import SecurityError

from vfioneer.payload import template
from vfioneer.payload.unforeseen import Unforeseen
from vfioneer.plan.plan import derive, on_base
from vfioneer.recipe.host import load
from vfioneer.review.facts import STAND_IN
from vfioneer.system.errors import UserError
from vfioneer.system.links import refuse_links

REFUSED = ("is unsafe", "undefined", "not safely callable")
TOP = Path(__file__).resolve().parents[3]


def rendered(source: str, checkout: Path, **context: object) -> str:
    overlays = Path(tempfile.mkdtemp(dir=checkout))
    (overlays / "t.j2").write_text(source)
    environment = template._environment(overlays)
    template._spent.start()
    found = environment.get_template("t.j2")
    return "".join(template._measured(found.generate(**context)))


def refused(source: str, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Render a template as the product does, with the context of a real host; return the error."""
    with contextlib.chdir(TOP):
        context = template.medium_context(on_base(derive(load("lab01")), STAND_IN))
    monkeypatch.chdir(checkout)
    (checkout / "overlays").unlink(missing_ok=True)
    (checkout / "overlays").mkdir()
    (checkout / "overlays/t.j2").write_text(source)
    template._environment.cache_clear()
    try:
        with pytest.raises(UserError, match=re.escape("overlays/t.j2:")) as caught:
            template.render_template("t.j2", **context)
    finally:
        template._environment.cache_clear()
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        # Ways from a value to the interpreter, as lists of template injections have them.
        ("{{ ''.__class__.__mro__ }}", ""),
        ("{{ host.__init__.__globals__ }}", ""),
        ("{{ (host|attr('__class__')) }}", "no filter attr"),
        ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", ""),
        ("{{ lipsum.__globals__['os'].popen('id').read() }}", ""),
        ("{{ self.__init__ }}", ""),
        ("{{ host['__class__'] }}", ""),
        ("{{ host.recipe_document.file.read_text() }}", ""),
        ("{{ host.base.path.write_text('x') }}", ""),
        ("{{ host.recipe.model_dump() }}", ""),
        ("{{ host.recipe.model_fields }}", ""),
        ("{{ host.name.format(host) }}", ""),
        ("{{ '{0.__class__}'.format(host) }}", ""),
        ("{{ host.name.encode() }}", ""),
        ("{{ '%s' % host.name }}{{ '%(a)r' % host }}", "the operator %"),
        ("{{ '%999999999d' % 1 }}", "the operator %"),
        ("{{ 'x' * 999999999 }}", "may not have mul"),
        ("{{ 9 ** 999999 }}", "may not have pow"),
        ("{{ range(9) | join }}", ""),
        ("{% include '../recipes/lab01.yaml' %}", "may not have include"),
        ("{% import 'x' as y %}", "may not have import"),
        ("{% extends 'x' %}", "may not have extends"),
        ("{% macro m() %}{{ m() }}{% endmacro %}", "may not have macro"),
        ("{% set n = namespace() %}", ""),
        ("{% filter upper %}x{% endfilter %}", "may not have filterblock"),
        ("{% autoescape false %}x{% endautoescape %}", "may not have"),
        ("{{ host.name | safe }}", "no filter safe"),
        ("{{ host.name | tojson }}", "no filter tojson"),
        ("{% for a in [1, 2] recursive %}{{ loop(a) }}{% endfor %}", "may not"),
        ("{% set a = 'x' %}{% set b = a ~ a %}", "only where they are printed"),
        ("{% if 'a' ~ 'b' == 'ab' %}x{% endif %}", "only where they are printed"),
        ("{{ nothing }}", ""),
        ("{{ host.nothing }}", "no attribute 'nothing'"),
        ("{{ 1 + none }}", "unsupported operand"),
        ("{% if %}", "Expected an expression"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "recursion"),
    ],
)
def test_what_is_no_printing_looping_or_choosing(
    source: str, reason: str, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refused(f"\n{source}", checkout, monkeypatch)
    assert "overlays/t.j2:2: " in said or "recursion" in said
    assert reason in said if reason else any(word in said for word in REFUSED)


@pytest.mark.parametrize(
    "source",
    [
        "{% if boot.arguments | join(' ') == 'x' %}evil{% endif %}",
        "{% for a in boot.arguments %}{% if a == 'misolabel=MEDIUM' %}evil{% endif %}{% endfor %}",
        "{% for a in boot.arguments %}{% if 'misolabel=MEDIUM' == a %}evil{% endif %}{% endfor %}",
        "{% if 'misolabel=MEDIUM' in boot.arguments %}evil{% endif %}",
        "{% for a in boot.arguments if a.startswith('misolabel=M') %}evil{% endfor %}",
        "{% for a in boot.arguments %}{{ 'evil' if a[0] == 'm' }}{% endfor %}",
        "{% for a in boot.arguments %}{{ 'evil' if a < 'n' }}{% endfor %}",
        "{% for a in boot.arguments %}{% if a | upper == 'X' %}evil{% endif %}{% endfor %}",
        "{% for a in boot.arguments %}{% if a | shell == 'X' %}evil{% endif %}{% endfor %}",
        "{% if boot.arguments | map('lower') | join == 'X' %}evil{% endif %}",
        "{% if boot.initrds | join %}evil{% endif %}",
    ],
)
def test_what_only_the_medium_knows_decides_nothing(
    source: str, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refused(source, checkout, monkeypatch)
    assert "not known when a change is reviewed" in said or "not safely callable" in said


def test_what_is_allowed(checkout: Path) -> None:
    source = (
        "{% for k, v in x.items() if not k.startswith('a') %}{{ k }}={{ v | shell }};{% endfor %}"
    )
    assert rendered(source, checkout, x={"a": 1, "b": "c d"}) == "b='c d';"
    assert rendered("{{ '%04x' % n }}{{ ',' ~ y if y }}", checkout, n=10, y=1) == "000a,1"
    assert rendered("{{ x | join(',') }}", checkout, x=[Unforeseen("a"), "b"]) == "a,b"


def test_a_template_ends(checkout: Path) -> None:
    loops = "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}"
    started = time.monotonic()
    with pytest.raises(SecurityError, match="loops more than"):
        rendered(loops, checkout, x=range(1000))
    with pytest.raises(SecurityError, match="prints more than"):
        rendered("{% for a in x %}{{ y }}{% endfor %}", checkout, x=range(1000), y="y" * 10**5)
    with pytest.raises(SecurityError, match="joins more than"):
        rendered("{% set y = x | join(x) %}{% set y = y | join(y) %}", checkout, x="x" * 10**4)
    assert time.monotonic() - started < 5


def test_a_template_that_is_too_long(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "1024 KiB" in refused("x" * (template.MAX_SOURCE + 1), checkout, monkeypatch)


@pytest.mark.parametrize("target", ["/etc/shadow", "../../docs/x.sh", "b", "/nowhere"])
def test_links_are_refused(target: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "b").write_text("")
    (tmp_path / "deep/.#lock").symlink_to("nobody@nowhere.1")
    (tmp_path / "deep/a").symlink_to(target)
    with pytest.raises(UserError, match="may hold files only") as caught:
        refuse_links(tmp_path)
    assert repr(target) in caught.value.message
    assert "lock" not in caught.value.message


def test_a_recipe_that_is_a_link(checkout: Path) -> None:
    (checkout / "recipes/x.yaml").symlink_to("/etc/shadow")
    with pytest.raises(UserError, match=re.escape("recipes/x.yaml -> '/etc/shadow'")):
        load("x")
