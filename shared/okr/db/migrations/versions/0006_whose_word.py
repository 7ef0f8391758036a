"""What the rules made of a grade where a person's word stands above it."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE grade ADD COLUMN computed_grade numeric")
    op.execute("ALTER TABLE score_snapshot ADD COLUMN computed_grade numeric")


def downgrade() -> None:
    op.execute("ALTER TABLE score_snapshot DROP COLUMN computed_grade")
    op.execute("ALTER TABLE grade DROP COLUMN computed_grade")
