"""How well a model did, beside what, how sure that is, and the page that shows it; a room for each kind of answer."""
