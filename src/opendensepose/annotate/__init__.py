"""The annotation tool: a web server on this machine, its store, and the pages in `static/`."""
