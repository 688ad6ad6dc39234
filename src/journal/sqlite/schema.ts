/**
 * The schema, step by step: `user_version` is the number of steps that a journal has applied. A step that was
 * released is never changed; a new one is added.
 *
 * `tasks.rowid` is the order of admission. What is long and never changes (input) or comes once (result)
 * has a table of its own, because an update writes the whole row.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE tasks (
    id TEXT PRIMARY KEY NOT NULL,
    type TEXT NOT NULL,
    caller TEXT NOT NULL,
    priority INTEGER NOT NULL,
    status TEXT NOT NULL,
    run INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    has_events INTEGER NOT NULL DEFAULT 1,
    spool_id TEXT,
    content TEXT,
    fixed TEXT NOT NULL,
    state TEXT NOT NULL
  ) STRICT;
  CREATE INDEX tasks_by_caller ON tasks (caller, id);
  CREATE INDEX tasks_by_end ON tasks (has_events, finished_at);
  CREATE INDEX ended_tasks ON tasks (status, id) WHERE finished_at IS NOT NULL;
  CREATE INDEX uploads ON tasks (finished_at) WHERE spool_id IS NOT NULL;
  CREATE INDEX completed_contents ON tasks (content, caller, id) WHERE content IS NOT NULL AND status = 'completed';

  CREATE TABLE inputs (id TEXT PRIMARY KEY NOT NULL, input TEXT NOT NULL) STRICT;
  CREATE TABLE results (id TEXT PRIMARY KEY NOT NULL, result TEXT NOT NULL) STRICT;

  CREATE TABLE events (
    task_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (task_id, seq)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE steps (
    task_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (task_id, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE keys (
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    task_id TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX keys_by_expiry ON keys (expires_at);

  CREATE TABLE deliveries (
    id TEXT PRIMARY KEY NOT NULL,
    task_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    url TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    next_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX deliveries_by_time ON deliveries (next_at);

  CREATE TABLE erased (
    id TEXT PRIMARY KEY NOT NULL,
    caller TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX erased_by_time ON erased (at);

  CREATE TABLE totals (status TEXT PRIMARY KEY NOT NULL, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE notes (name TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  // Several submits of one task: a delivery, and a number, for each.
  `
  ALTER TABLE deliveries ADD COLUMN secret TEXT;
  CREATE INDEX deliveries_by_task ON deliveries (task_id);
  ALTER TABLE keys ADD COLUMN waiter INTEGER DEFAULT 1;
  `,
  // When a step was saved; the failures of the newest days; what happened in each minute.
  `
  ALTER TABLE steps ADD COLUMN saved_at INTEGER;
  CREATE INDEX failed_tasks ON tasks (finished_at) WHERE status IN ('error', 'timeout', 'expired');
  CREATE TABLE minutes (
    minute INTEGER NOT NULL,
    writer INTEGER NOT NULL,
    row TEXT NOT NULL,
    PRIMARY KEY (minute, writer)
  ) STRICT, WITHOUT ROWID;
  `,
  // Lists of one type, also of one caller; and of those that have not completed, which are few: an end writes one index.
  `
  CREATE INDEX tasks_by_type ON tasks (type, id);
  CREATE INDEX tasks_by_caller_and_type ON tasks (caller, type, id);
  CREATE INDEX failed_tasks_by_type ON tasks (status, type, id)
    WHERE finished_at IS NOT NULL AND status <> 'completed';
  CREATE INDEX failed_tasks_by_caller ON tasks (caller, status, id)
    WHERE finished_at IS NOT NULL AND status <> 'completed';
  `,
  // Totals of ends alone: tasks that have not ended are counted where they are.
  `
  DELETE FROM totals WHERE status IN ('scheduled', 'queued', 'waiting', 'running', 'cancelling');
  `,
  // Lists of one kind of failure.
  `
  CREATE INDEX failed_tasks_by_error ON tasks (json_extract(state, '$.failure.errorType'), id)
    WHERE finished_at IS NOT NULL AND status <> 'completed';
  `,
]
