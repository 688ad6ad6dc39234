/**
 * The schema `headgate`, step by step: its version is the number of steps that were applied. A step that was released
 * is never changed; a new one is added, and only adds, so that processes of the version before continue.
 *
 * JSON is kept as text: it has NUL characters and lone surrogates, which `jsonb` refuses. Ids are compared byte by byte.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE headgate.admission_lock (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    base_ms bigint NOT NULL,
    last_ranks bigint[] NOT NULL
  );
  INSERT INTO headgate.admission_lock (base_ms, last_ranks)
    VALUES ((extract(epoch FROM clock_timestamp()) * 1000)::bigint, '{0,0,0,0}');

  CREATE TABLE headgate.members (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text UNIQUE NOT NULL,
    kind text NOT NULL,
    host text NOT NULL,
    version text NOT NULL,
    slots integer NOT NULL DEFAULT 0,
    busy integer NOT NULL DEFAULT 0,
    stuck integer NOT NULL DEFAULT 0,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );

  CREATE TABLE headgate.counters (
    member integer NOT NULL,
    name text NOT NULL,
    priority smallint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (member, name, priority)
  ) WITH (fillfactor = 20);

  CREATE TABLE headgate.tasks (
    id text COLLATE "C" PRIMARY KEY,
    type text NOT NULL,
    caller text NOT NULL,
    priority smallint NOT NULL,
    status text NOT NULL,
    run integer NOT NULL,
    last_seq integer NOT NULL,
    created_at bigint NOT NULL,
    finished_at bigint,
    has_events boolean NOT NULL DEFAULT true,
    spool_id text,
    content text,
    fixed text NOT NULL,
    state text NOT NULL,
    error_type text,
    message text,
    start_deadline_at bigint,
    wait_resource text,
    rank bigint NOT NULL DEFAULT 0,
    ticket integer NOT NULL DEFAULT 0,
    member integer,
    admitted bigint GENERATED ALWAYS AS IDENTITY
  ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
  CREATE INDEX tasks_by_type ON headgate.tasks (type, id);
  CREATE INDEX tasks_by_caller ON headgate.tasks (caller, type, id);
  CREATE INDEX tasks_by_status ON headgate.tasks (status, type, id);
  CREATE INDEX tasks_by_end ON headgate.tasks (has_events, finished_at) WHERE finished_at IS NOT NULL;
  CREATE INDEX waiting_tasks ON headgate.tasks (ticket DESC) WHERE status = 'queued';
  CREATE INDEX oldest_waiting ON headgate.tasks (created_at) WHERE status = 'queued';
  CREATE INDEX unfinished_tasks ON headgate.tasks (admitted) WHERE finished_at IS NULL;
  CREATE INDEX tasks_of_member ON headgate.tasks (member) WHERE member IS NOT NULL;
  CREATE INDEX start_deadlines ON headgate.tasks (start_deadline_at)
    WHERE start_deadline_at IS NOT NULL AND run = 0 AND finished_at IS NULL;
  CREATE INDEX parked_tasks ON headgate.tasks (wait_resource, ticket DESC)
    WHERE status = 'waiting' AND wait_resource IS NOT NULL;
  CREATE INDEX failed_tasks ON headgate.tasks (finished_at) WHERE status IN ('error', 'timeout', 'expired');
  CREATE INDEX completed_tasks ON headgate.tasks (finished_at) WHERE status = 'completed';
  CREATE INDEX uploads_of_tasks ON headgate.tasks (finished_at) WHERE spool_id IS NOT NULL;
  CREATE INDEX tasks_by_upload ON headgate.tasks (spool_id) WHERE spool_id IS NOT NULL;
  CREATE INDEX contents ON headgate.tasks (content, caller, id) WHERE content IS NOT NULL;

  CREATE TABLE headgate.inputs (id text COLLATE "C" PRIMARY KEY, input text NOT NULL);
  CREATE TABLE headgate.results (id text COLLATE "C" PRIMARY KEY, result text NOT NULL);
  CREATE TABLE headgate.events (
    task_id text COLLATE "C" NOT NULL,
    seq integer NOT NULL,
    type text NOT NULL,
    status text NOT NULL,
    at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (task_id, seq)
  );
  CREATE TABLE headgate.steps (
    task_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    value text NOT NULL,
    saved_at bigint NOT NULL,
    PRIMARY KEY (task_id, name)
  );
  CREATE TABLE headgate.keys (
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    task_id text COLLATE "C" NOT NULL,
    waiter integer,
    expires_at bigint NOT NULL,
    PRIMARY KEY (caller, key)
  );
  CREATE INDEX keys_by_expiry ON headgate.keys (expires_at);
  CREATE TABLE headgate.deliveries (
    id text PRIMARY KEY,
    task_id text COLLATE "C" NOT NULL,
    caller text NOT NULL,
    url text NOT NULL,
    secret text,
    attempt integer NOT NULL,
    next_at bigint NOT NULL
  );
  CREATE INDEX deliveries_by_time ON headgate.deliveries (next_at);
  CREATE INDEX deliveries_by_task ON headgate.deliveries (task_id);
  CREATE TABLE headgate.uploads (
    id text NOT NULL,
    part integer NOT NULL,
    bytes bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (id, part)
  );
  ALTER TABLE headgate.uploads ALTER COLUMN bytes SET STORAGE EXTERNAL;
  CREATE INDEX uploads_by_time ON headgate.uploads (created_at);
  CREATE TABLE headgate.erased (id text COLLATE "C" PRIMARY KEY, caller text NOT NULL, at bigint NOT NULL);
  CREATE INDEX erased_by_time ON headgate.erased (at);
  CREATE TABLE headgate.notes (name text PRIMARY KEY, text text NOT NULL);
  CREATE TABLE headgate.accounts (resource text PRIMARY KEY, state text NOT NULL DEFAULT '')
    WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
  CREATE TABLE headgate.minutes (
    minute bigint NOT NULL,
    writer bigint NOT NULL,
    row text NOT NULL,
    PRIMARY KEY (minute, writer)
  );
  `,
  `
  CREATE TABLE headgate.turns (
    priority smallint NOT NULL,
    caller text NOT NULL,
    place double precision NOT NULL,
    PRIMARY KEY (priority, caller)
  ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 200);
  CREATE TABLE headgate.turns_taken (
    member integer NOT NULL,
    priority smallint NOT NULL,
    place double precision NOT NULL,
    PRIMARY KEY (member, priority)
  ) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
  `,
]
