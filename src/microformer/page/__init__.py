"""Pages: one self-contained HTML file each, with its style and drawings inside.

A page loads nothing: no script, font or picture from anywhere. It can be read in the dark, on a
phone, by keyboard and on paper. Names that come from models are escaped, always.
"""

from importlib import resources

import jinja2

from microformer.page.numbers import FILTERS

__all__ = ["render"]


def render(package: str, template: str, **values: object) -> str:
    """The page of ``template`` in the folder ``templates`` of ``package``.

    Every template may extend ``base.html.j2`` and draw with the macros of ``charts.html.j2``.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _source(package, name)),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= FILTERS
    return environment.get_template(template).render(**values)


def _source(package: str, name: str) -> str | None:
    for owner in (package, __name__):
        file = resources.files(owner).joinpath("templates", name)
        if file.is_file():
            return file.read_text("utf-8")
    return None
