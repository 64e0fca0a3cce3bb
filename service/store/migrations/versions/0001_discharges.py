"""The first tables: discharges and their orders, plan versions, the ledger, the directory, the audit trail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001_discharges"
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = """
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
"""


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("discharge_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_discharge_id", "audit", ["discharge_id"], unique=False)
    op.create_table(
        "community_services",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("services", ARRAY(sa.Text()), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("postal_codes", ARRAY(sa.Text()), nullable=False),
        sa.Column("languages", ARRAY(sa.Text()), nullable=False),
        sa.Column("minimum_age", sa.Integer(), nullable=True),
        sa.Column("maximum_age", sa.Integer(), nullable=True),
        sa.Column("eligibility", sa.Text(), nullable=False),
        sa.Column("fees", sa.Text(), nullable=False),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("wait", sa.Text(), nullable=False),
        sa.Column("accepting", sa.Boolean(), nullable=False),
        sa.Column("verified", sa.Date(), nullable=True),
        sa.Column("labels", ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_community_services"),
    )
    op.create_index(
        "ix_community_services_services",
        "community_services",
        ["services"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_table(
        "discharges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("encounter", sa.Text(), nullable=False),
        sa.Column("order", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('received', 'planned', 'published', 'cancelling', 'cancelled', 'failed')",
            name="ck_discharges_state",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_discharges"),
        sa.UniqueConstraint("tenant", "encounter", name="uq_discharges_tenant_encounter"),
    )
    op.create_index("ix_discharges_state_changed", "discharges", ["state", "changed"], unique=False)
    op.create_table(
        "discharge_orders",
        sa.Column("discharge_id", sa.Uuid(), nullable=False),
        sa.Column("order", sa.Text(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["discharge_id"], ["discharges.id"], name="fk_discharge_orders_discharge_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("discharge_id", "order", name="pk_discharge_orders"),
    )
    op.create_table(
        "plan_versions",
        sa.Column("discharge_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["discharge_id"], ["discharges.id"], name="fk_plan_versions_discharge_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("discharge_id", "version", name="pk_plan_versions"),
    )
    op.create_table(
        "publications",
        sa.Column("discharge_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("resource_type", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("full_url", sa.Text(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'written', 'revoked', 'on-hold', 'conflict')",
            name="ck_publications_state",
        ),
        sa.ForeignKeyConstraint(
            ["discharge_id"], ["discharges.id"], name="fk_publications_discharge_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("discharge_id", "key", name="pk_publications"),
        sa.UniqueConstraint("discharge_id", "identifier", name="uq_publications_discharge_id_identifier"),
    )
    op.execute(_APPEND_ONLY)


def downgrade() -> None:
    op.drop_table("publications")
    op.drop_table("plan_versions")
    op.drop_table("discharge_orders")
    op.drop_index("ix_discharges_state_changed", table_name="discharges")
    op.drop_table("discharges")
    op.drop_index("ix_community_services_services", table_name="community_services", postgresql_using="gin")
    op.drop_table("community_services")
    op.drop_index("ix_audit_discharge_id", table_name="audit")
    op.drop_table("audit")
    op.execute("DROP FUNCTION audit_is_append_only()")
