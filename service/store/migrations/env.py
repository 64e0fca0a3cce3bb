"""Runs the migrations on the connection that `service.store.migrations` hands over."""

from alembic import context

from service.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # The queue's tables belong to its library; ours are all in `metadata`.
    include_name=lambda name, kind, _: kind != "table" or name in metadata.tables,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
