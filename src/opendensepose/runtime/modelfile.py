from opendensepose.io.modelfile import ModelFile  # noqa: F401  moved
