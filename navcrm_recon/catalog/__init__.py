"""What is integrated: table mappings, field mappings, option sets, the columns of both sides."""

from navcrm_recon.catalog.load import load_catalog
from navcrm_recon.catalog.model import (
    Catalog,
    Column,
    Condition,
    Direction,
    FieldMapping,
    Flow,
    Kind,
    Option,
    SideName,
    Table,
    TableMapping,
    Transfer,
)

__all__ = [
    "Catalog",
    "Column",
    "Condition",
    "Direction",
    "FieldMapping",
    "Flow",
    "Kind",
    "Option",
    "SideName",
    "Table",
    "TableMapping",
    "Transfer",
    "load_catalog",
]
