import { z } from 'zod'
import { isWebhookSecret } from '../../webhook/signature.ts'
import { hours, megabytes, MB, whole } from '../bounds.ts'
import type { Row } from '../row.ts'

/** What is remembered, where, and for how long. */
export const MEMORY_SETTINGS = {
  dataDir: {
    env: 'DATA_DIR',
    default: './data',
    unit: 'folder',
    meaning:
      'Where the journal, uploads and tokens are kept; one process at a time. It is made for its owner alone; its path has at most 480 bytes.',
    schema: z.string().min(1),
  },
  journal: {
    env: 'JOURNAL',
    default: 'sqlite',
    unit: 'name',
    meaning:
      'Where tasks and events are remembered. sqlite: on disk, durable before the 202; memory: as long as the process lives.',
    schema: z.enum(['sqlite', 'memory']),
  },
  reserveBytes: {
    env: 'DISK_RESERVE_MB',
    default: '16',
    unit: 'MB',
    meaning:
      'Disk space that is set aside, so that running tasks can still write their end when the disk is full. 0 to 1024.',
    schema: whole(0, 1024).transform((value) => value * MB),
  },
  keepResultsMs: {
    env: 'RESULT_RETENTION_HOURS',
    default: '720',
    unit: 'hours',
    meaning: 'How long a task and its result are kept after its end; then it is erased (410). 0 to 596000.',
    schema: hours,
  },
  keepEventsMs: {
    env: 'EVENT_RETENTION_HOURS',
    default: '168',
    unit: 'hours',
    meaning: 'How long the events of a task are kept after its end, all but the last one. 0 to 596000.',
    schema: hours,
  },
  keepUploadsMs: {
    env: 'UPLOAD_RETENTION_HOURS',
    default: '24',
    unit: 'hours',
    meaning: 'How long an uploaded file is kept after the end of its task. 0: it goes at once. 0 to 596000.',
    schema: hours,
  },
  keepTracesMs: {
    env: 'ERASED_RETENTION_HOURS',
    default: '720',
    unit: 'hours',
    meaning: 'How long an erased task is still answered with 410 instead of 404. 0 to 596000.',
    schema: hours,
  },
  keepHistoryMs: {
    env: 'HISTORY_RETENTION_DAYS',
    default: '30',
    unit: 'days',
    meaning: 'How long the numbers of each minute are kept (GET /api/queue/history). 0 to 3650.',
    schema: whole(0, 3650).transform((value) => value * 24 * 3_600_000),
  },
  keptTasks: {
    env: 'KEEP_FINISHED_TASKS',
    default: '1000',
    unit: 'tasks',
    meaning:
      'Finished tasks that JOURNAL=memory keeps; the one that finished first goes first. 1 to 1000000.',
    schema: whole(1, 1_000_000),
  },
  keptBytes: {
    env: 'KEEP_FINISHED_MB',
    default: '256',
    unit: 'MB',
    meaning: 'Results and events of finished tasks that JOURNAL=memory keeps. 1 to 65536.',
    schema: megabytes(65_536),
  },
  webhookSecret: {
    env: 'WEBHOOK_SECRET',
    default: '',
    unit: 'secret',
    meaning:
      'Signs webhooks whose submit names no secret of its own: whsec_ and base64 of 24 to 64 bytes. Empty: none.',
    isSecret: true,
    schema: z.union([
      z.literal(''),
      z.string().refine(isWebhookSecret, 'expected whsec_ and base64 of 24 to 64 bytes'),
    ]),
  },
} as const satisfies Record<string, Row>
