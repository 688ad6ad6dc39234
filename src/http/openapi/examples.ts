import { createTask, type Task } from '../../task/task.ts'
import { createUrls, taskView } from '../schemas/views.ts'

/** Replies as they look, for the API's description. */

const ID = '01a20303-7954-7000-8000-014be0c1b379'
const AT = '2026-11-22T11:28:09.045Z'

const TASK_RECORD: Task = {
  ...createTask({
    id: ID,
    type: 'summarize',
    priority: 2,
    caller: 'local',
    input: {},
    upload: null,
    title: 'https://example.com/article',
    metadata: null,
    timeoutMs: 3_600_000,
    maxAttempts: 3,
    webhook: null,
    content: null,
    createdAt: Date.parse(AT),
    startDeadlineAt: null,
    retryOf: null,
    trace: null,
    toldWait: null,
    notBefore: null,
  }),
  status: 'running',
  attempt: 1,
  run: 1,
  startedAt: Date.parse(AT),
  waitMs: 12,
  progress: 40,
  progressDetail: { stage: 'reading', step: 2, totalSteps: 5 },
  message: 'Read page 5 of 14',
  lastSeq: 7,
}
/** As the server shows it, so that a new field is in its example. */
const TASK = taskView(TASK_RECORD, null, { prefix: '', showsCaller: false })

const SUBMITTED = {
  task_id: ID,
  status: 'created',
  message: 'Queued with priority HIGH, 3 ahead. Connect to its stream to watch it.',
  task_status: 'queued',
  type: 'summarize',
  priority: 2,
  priority_name: 'HIGH',
  queue_position: 4,
  tasks_ahead: 3,
  estimated_wait_seconds: { p50: 140, p90: 310, samples: 212 },
  created_at: AT,
  deduplicated: false,
  waiter: 'w_1',
}

const STATUS = {
  task_id: ID,
  status: 'running',
  progress: 40,
  logs: ['Read page 5 of 14'],
  completed: false,
  failed: false,
  done: false,
  queue_position: null,
  message: 'Read page 5 of 14',
  error: null,
  last_seq: 7,
}

const WAITS = {
  LOW: { p50: 420, p90: 900, samples: 212 },
  NORMAL: { p50: 260, p90: 520, samples: 212 },
  HIGH: { p50: 90, p90: 240, samples: 212 },
  URGENT: { p50: 60, p90: 170, samples: 212 },
}

const STATS = {
  total_processed: 150,
  total_success: 142,
  total_failed: 5,
  total_timeout: 3,
  current_processing: 2,
  queue_size: 8,
  max_workers: 3,
  max_queue_size: 100,
  is_running: true,
  total_cancelled: 0,
  total_expired: 0,
  total_rejected: 4,
  total_retried: 1,
  waiting: 0,
  scheduled: 0,
  stuck_workers: 0,
  by_priority: { LOW: 3, NORMAL: 4, HIGH: 1, URGENT: 0 },
  oldest_queued_seconds: 93,
  utilization: 0.67,
  wait_seconds: { p50: 60, p90: 240 },
  run_seconds: { p50: 180, p90: 420 },
  estimated_wait_seconds: WAITS,
  estimate_coverage: { samples: 180, p50: 0.52, p90: 0.91 },
  resources: [{ name: 'llm', limit: 3, in_use: 2, waiting: 0, open_at: null }],
  holds: [],
  accepting: true,
  paused: false,
  draining: false,
  engine: 'local',
  uptime_seconds: 8123,
}

const WORKERS = {
  workers: [
    {
      name: 'one',
      role: 'worker',
      host: 'machine-1',
      version: '0.1.0',
      slots: 3,
      busy: 2,
      stuck: 0,
      silent_seconds: 0,
    },
  ],
}

const CAPACITY = {
  accepting: true,
  priority: 2,
  priority_name: 'HIGH',
  reason: null,
  free_places: 92,
  max_queue_size: 100,
  tasks_ahead: 1,
  estimated_wait_seconds: WAITS.HIGH,
  retry_after: null,
}

const CONTROLS = {
  max_workers: 3,
  max_queue_size: 100,
  resources: { llm: 'concurrency=1-3', download: 'concurrency=5 provider=many' },
  paused: [],
  paused_groups: [{ scope: 'processing', type: 'summarize', caller: null, by: 'ann', at: AT }],
  draining: false,
  changed: [{ name: 'max_workers', value: '3', setting: '2', by: 'ann', at: AT }],
}

const FORECAST_WAITS = { tasks: 120, mean: 25.2, p50: 0, p90: 85.9, p99: 168.6, longest: 193.7 }
const COVERAGE = { samples: 45, p50: 0.51, p90: 0.91 }
const FORECAST = {
  workers: 4,
  arrivals_per_minute: 2,
  pattern: 'random',
  tasks: 120,
  mean_run_seconds: 87.9,
  load: 0.733,
  verdict: 'stable',
  wait_seconds: FORECAST_WAITS,
  wait_seconds_by_priority: { NORMAL: FORECAST_WAITS },
  queue: { mean: 0.8, longest: 9, at_end: 0 },
  refused_share: 0,
  last_done_seconds: 3702.4,
  last_wait_seconds: 12.5,
  smallest_workers: 5,
  now: {
    estimated_wait_seconds: WAITS,
    estimate_coverage: { LOW: COVERAGE, NORMAL: COVERAGE, HIGH: COVERAGE, URGENT: COVERAGE },
    arrivals_per_minute: 1.8,
  },
}

const HEALTH = {
  status: 'healthy',
  timestamp: AT,
  version: '0.1.0',
  components: { api: { status: 'healthy' }, queue: { status: 'healthy', issues: [] } },
}

const SESSION = {
  name: 'ann',
  role: 'caller',
  max_priority: 2,
  max_priority_name: 'HIGH',
  is_session: true,
  types: [
    {
      type: 'summarize',
      description: null,
      input: { type: 'object', properties: { url: { type: 'string' } } },
      output: null,
      upload: null,
      formats: ['json', 'md', 'html'],
    },
  ],
  version: '0.1.0',
}

const HISTORY = {
  minutes_per_point: 1,
  points: [
    {
      at: AT,
      submitted: 12,
      refused: 0,
      started: 10,
      ended: { completed: 9, error: 1, timeout: 0, cancelled: 0, expired: 0 },
      wait_seconds: { p50: 20, p90: 61 },
      estimated_wait_p90_seconds: 75,
      run_seconds: { p50: 40, p90: 90 },
      deepest_queue: 7,
      mean_running: 2.8,
    },
  ],
}

const FAILURES = {
  groups: [
    {
      type: 'summarize',
      error_type: 'provider_overloaded',
      message: 'The model answered #.',
      count: 36,
      first_at: AT,
      last_at: AT,
      counts: Array.from({ length: 24 }, (_, part) => (part < 12 ? 1 : 2)),
      newest: [ID],
    },
  ],
}

const BULK = {
  op: 'retry',
  dry_run: true,
  matched: 37,
  done: 36,
  refused: 1,
  task_ids: [ID],
  refusals: [{ task_id: ID, error_type: 'task_gone', message: 'The file is no longer kept.' }],
  created: [],
  has_more: false,
}

export function createExamples(prefix: string) {
  const urls = createUrls(ID, prefix)
  const task = { ...TASK, urls }
  return {
    task,
    taskWithResult: { ...task, result: null },
    list: { tasks: [task], next_cursor: ID },
    submitted: { ...SUBMITTED, urls },
    status: { ...STATUS, urls },
    ticket: {
      ticket: 'WyIwMWEyMDMwMy0…',
      task_id: ID,
      urls: {
        self: `${urls.self}?ticket=WyIwMWEyMDMwMy0…`,
        status: `${urls.status}?ticket=WyIwMWEyMDMwMy0…`,
        result: `${urls.result}?ticket=WyIwMWEyMDMwMy0…`,
        events: `${urls.events}?ticket=WyIwMWEyMDMwMy0…`,
        ws: `${urls.ws}?ticket=WyIwMWEyMDMwMy0…`,
      },
    },
    queueTasks: { processing: [], queued: [], total_processing: 0, total_queued: 0 },
    stats: STATS,
    session: SESSION,
    history: HISTORY,
    failures: FAILURES,
    bulk: BULK,
    health: HEALTH,
    capacity: CAPACITY,
    workers: WORKERS,
    controls: CONTROLS,
    forecast: FORECAST,
    events: `retry: 3000\n\nevent: message\nid: 1\ndata: {"seq":1,"task_id":"${ID}","type":"queued","status":"queued","ts":"${AT}","queue_position":1,"tasks_ahead":0,"estimated_wait_seconds":null}\n\n`,
  }
}

export type Examples = ReturnType<typeof createExamples>
