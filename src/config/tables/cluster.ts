import { hostname } from 'node:os'
import { z } from 'zod'
import { whole, yesOrNo } from '../bounds.ts'
import type { Row } from '../row.ts'

/** In what PostgreSQL calls a connection URI. */
const POSTGRES_URL = /^(?:|postgres(?:ql)?:\/\/\S+)$/

const UPLOADS_URL = /^(?:|s3:\/\/[a-z0-9][a-z0-9.-]+(?:[/?]\S*)?|file:\/\/\/\S+)$/

/** Several processes, on one machine or many, over one PostgreSQL. */
export const CLUSTER_SETTINGS = {
  databaseUrl: {
    env: 'DATABASE_URL',
    default: '',
    unit: 'address',
    meaning:
      'PostgreSQL on which any number of processes share one queue: postgres://user:password@host:5432/database. Empty: one process, with its journal in DATA_DIR.',
    isSecret: true,
    schema: z.string().regex(POSTGRES_URL, 'expected an address that begins with postgres://'),
  },
  role: {
    env: 'ROLE',
    default: 'serve',
    unit: 'name',
    meaning:
      'What this process does with DATABASE_URL: serve takes requests and runs tasks, web takes requests alone, worker runs tasks alone. headgate web and headgate worker set it.',
    schema: z.enum(['serve', 'web', 'worker']),
  },
  workerName: {
    env: 'WORKER_NAME',
    default: '',
    unit: 'name',
    meaning:
      'Name of this process among those of DATABASE_URL: no two have the same, and a restarted one has its own again, so that its tasks are taken back at once. Empty: the name of the host and the role, with NODE_APP_INSTANCE if there is one.',
    schema: z.string().max(200),
  },
  instance: {
    env: 'NODE_APP_INSTANCE',
    default: '',
    unit: 'name',
    meaning:
      'Number of this process among those that a process manager has started of it; PM2 sets it. It becomes a part of the name where WORKER_NAME is empty.',
    schema: z.string().max(100),
  },
  workerPort: {
    env: 'WORKER_PORT',
    default: '0',
    unit: 'port',
    meaning:
      'Port on which a worker answers /health/live, /health/ready, /metrics and /api/queue/stats, and nothing else. 0: none. 0 to 65535.',
    schema: whole(0, 65_535),
  },
  databaseConnections: {
    env: 'DATABASE_CONNECTIONS',
    default: '4',
    unit: 'connections',
    meaning:
      'Connections of this process to PostgreSQL for its statements; three more are for tickets and notifications. 2 to 100.',
    schema: whole(2, 100),
  },
  databaseListenUrl: {
    env: 'DATABASE_LISTEN_URL',
    default: '',
    unit: 'address',
    meaning:
      'The same database without a pooler in between, for the one connection of each process that listens and has its name. Needed where DATABASE_URL is PgBouncer in its transaction mode. Empty: DATABASE_URL.',
    isSecret: true,
    schema: z.string().regex(POSTGRES_URL, 'expected an address that begins with postgres://'),
  },
  isPreparing: {
    env: 'DATABASE_PREPARE',
    default: 'true',
    unit: 'yes or no',
    meaning:
      'Whether statements are prepared by name. false is for PgBouncer in its transaction mode, which knows none before 1.21. true or false.',
    schema: yesOrNo,
  },
  uploadsUrl: {
    env: 'UPLOADS_URL',
    default: '',
    unit: 'address',
    meaning:
      'Where uploaded files are kept for all processes of DATABASE_URL: s3://bucket/prefix?endpoint=https://host&region=name for S3, R2, MinIO and the like, or file:///folder for a folder that all machines have mounted. Empty: in the database.',
    schema: z.string().regex(UPLOADS_URL, 'expected s3://bucket… or file:///folder'),
  },
  s3KeyId: {
    env: 'AWS_ACCESS_KEY_ID',
    default: '',
    unit: 'name',
    meaning: 'Names the key for an S3 store in UPLOADS_URL.',
    schema: z.string(),
  },
  s3Secret: {
    env: 'AWS_SECRET_ACCESS_KEY',
    default: '',
    unit: 'secret',
    meaning: 'The key for an S3 store in UPLOADS_URL.',
    isSecret: true,
    schema: z.string(),
  },
  isUnsafeDatabase: {
    env: 'UNSAFE_DATABASE',
    default: 'false',
    unit: 'yes or no',
    meaning:
      'Whether a PostgreSQL with fsync or synchronous_commit off is taken, which can lose what it has confirmed. true or false.',
    schema: yesOrNo,
  },
} as const satisfies Record<string, Row>

/** Where hints are listened for: past a pooler that keeps no session, or where everything else is asked for. */
export function toListenUrl({
  databaseListenUrl,
  databaseUrl,
}: Readonly<Record<'databaseListenUrl' | 'databaseUrl', string>>): string {
  return databaseListenUrl || databaseUrl
}

/** The name of a process among the members of its cluster. */
export function toMemberName({
  workerName,
  role,
  instance,
}: Readonly<Record<'workerName' | 'role' | 'instance', string>>): string {
  if (workerName !== '') return workerName
  return `${hostname()} ${role}${instance === '' ? '' : ` ${instance}`}`
}
