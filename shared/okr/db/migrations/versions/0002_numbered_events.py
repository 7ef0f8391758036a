"""Numbered events: the order in which they were written, one counter for every subject, and the relay that numbers them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

# To be called as a statement of its own. Whoever has the lock numbers; what it reads was committed before it took the lock,
# because in a volatile function each statement sees what is committed by then. In one plain statement the snapshot would be
# older than the lock, and two callers would give out the same positions. An advisory lock writes nothing, so that to ask
# when there is nothing to do costs no commit.
# Everything is found by index: after a first import, before anything is known of the tables, the planner would sort all that
# waits for each batch and go through all subjects for each event, eight times slower.
NUMBER_EVENTS = """
CREATE FUNCTION okr_number_events(
    candidate uuid, lease_seconds double precision, batch integer, told bigint,
    OUT leads boolean, OUT numbered integer, OUT last_position bigint, OUT last_published bigint)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    relay event_relay%ROWTYPE;
    moment timestamptz := clock_timestamp();
    lease interval := lease_seconds * interval '1 second';
    organizations uuid[];
    ids uuid[];
    subjects text[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'okr_number_events: a snapshot older than the lock would number events twice';
    END IF;
    numbered := 0;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('okr_number_events', 0)) THEN
        SELECT coalesce(candidate = r.holder, false) AND r.held_until > moment, r.position, r.published
          INTO STRICT leads, last_position, last_published FROM event_relay r;
        RETURN;
    END IF;
    SELECT * INTO STRICT relay FROM event_relay;
    SELECT array_agg(e.organization_id ORDER BY e.written), array_agg(e.id ORDER BY e.written),
           array_agg(e.subject ORDER BY e.written), count(*)
      INTO organizations, ids, subjects, numbered
      FROM (SELECT organization_id, id, subject, written FROM outbox_event
             WHERE position IS NULL ORDER BY written LIMIT batch) e;
    IF numbered > 0 THEN
        INSERT INTO event_sequence AS s (organization_id, subject, last)
        SELECT e.organization_id, e.subject, count(*) FROM unnest(organizations, subjects) AS e (organization_id, subject)
         GROUP BY e.organization_id, e.subject
        ON CONFLICT (organization_id, subject) DO UPDATE SET last = s.last + excluded.last;
        -- Looked up one by one: as a join it is planned by what was known of the table when it was empty, and then each event
        -- may read all of its organization's sequences.
        UPDATE outbox_event e SET position = relay.position + f.nth, sequence = f.last - f.behind
          FROM (SELECT u.*, row_number() OVER (PARTITION BY u.organization_id, u.subject ORDER BY u.nth DESC) - 1 AS behind,
                       (SELECT s.last FROM event_sequence s
                         WHERE s.organization_id = u.organization_id AND s.subject = u.subject) AS last
                  FROM unnest(organizations, ids, subjects) WITH ORDINALITY AS u (organization_id, id, subject, nth)) f
         WHERE e.organization_id = f.organization_id AND e.id = f.id;
    END IF;
    leads := candidate IS NOT NULL AND (relay.holder IS NOT DISTINCT FROM candidate OR relay.held_until <= moment);
    last_position := relay.position + numbered;
    -- A caller that tells of more than there is remembers another life of this database.
    last_published := CASE WHEN leads AND told BETWEEN relay.published AND last_position THEN told ELSE relay.published END;
    -- A lease is renewed at its half, not at each look.
    IF numbered > 0 OR last_published > relay.published
       OR leads AND (relay.holder IS DISTINCT FROM candidate OR relay.held_until < moment + lease / 2) THEN
        UPDATE event_relay r SET position = last_position, published = last_published,
               holder = CASE WHEN leads THEN candidate ELSE r.holder END,
               held_until = CASE WHEN leads THEN moment + lease ELSE r.held_until END;
    END IF;
END
$$
"""


def upgrade() -> None:
    # The code before went on to write a `sequence`, which the relay replaces, and never read `published_at`.
    # A new identity numbers the rows that are there in the order in which they lie, which is that of their writing.
    # That rewrites the table: about a second for each million events, in which writers wait.
    op.add_column("outbox_event", sa.Column("written", sa.BigInteger(), sa.Identity(always=False), nullable=False))
    op.alter_column("outbox_event", "sequence", existing_type=sa.BigInteger(), nullable=True)
    op.drop_column("outbox_event", "published_at")
    op.drop_index("outbox_event_unnumbered", table_name="outbox_event")
    op.drop_index("outbox_event_position", table_name="outbox_event")
    op.create_index(
        "outbox_event_unnumbered",
        "outbox_event",
        ["written"],
        unique=False,
        postgresql_where=sa.text("position IS NULL"),
    )
    op.create_index("outbox_event_position", "outbox_event", ["organization_id", "position"], unique=True)
    # For those who read all organizations' events. An expression, so that nobody who asks for one organization's is led here
    # and reads through all the others'.
    op.create_index("outbox_event_order", "outbox_event", [sa.literal_column("(position + 0)")], unique=False)
    # Each event leaves a dead entry at the head of the index of unnumbered ones, where the relay looks next.
    op.execute("ALTER TABLE outbox_event SET (autovacuum_vacuum_scale_factor = 0.01)")
    op.create_table(
        "event_sequence",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "subject"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "event_relay",
        sa.Column("is_only", sa.Boolean(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.Column("pruned", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=True),
        sa.Column("held_until", INSTANT, nullable=False),
        sa.CheckConstraint("is_only", name="event_relay_is_only"),
        sa.PrimaryKeyConstraint("is_only"),
        postgresql_with={"fillfactor": 10},
    )
    op.execute("INSERT INTO event_relay VALUES (true, 0, 0, 0, NULL, '-infinity')")
    op.execute(NUMBER_EVENTS)
    op.execute("REVOKE ALL ON FUNCTION okr_number_events(uuid, double precision, integer, bigint) FROM PUBLIC")
