"""An index served to browsers and programs: a REST API with one page."""
