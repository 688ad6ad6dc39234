import { z } from 'zod'
import { addresses, megabytes, origins, tokens, whole } from '../bounds.ts'
import type { Row } from '../row.ts'

/** Settings of the HTTP server, its callers and their limits. */
export const HTTP_SETTINGS = {
  host: {
    env: 'HOST',
    default: '127.0.0.1',
    unit: 'address',
    meaning: 'Address to listen on. Without tokens only 127.0.0.1, ::1 and localhost are allowed.',
    schema: z.string().min(1),
  },
  port: {
    env: 'PORT',
    default: '8001',
    unit: 'port',
    meaning: 'Port to listen on; 0 takes a free one. 0 to 65535.',
    schema: whole(0, 65_535),
  },
  tokensFile: {
    env: 'TOKENS_FILE',
    default: '',
    unit: 'file',
    meaning:
      'Where the tokens of callers are kept, as digests; `headgate token` writes it. Empty: tokens.json in DATA_DIR.',
    schema: z.string(),
  },
  tokens: {
    env: 'TOKENS',
    default: '',
    unit: 'list',
    meaning:
      'Tokens beside the file, separated by commas: name:sha256[:role[:priority[:weight]]], the digest in hex. Empty: none.',
    isSecret: true,
    schema: tokens,
  },
  corsOrigins: {
    env: 'CORS_ORIGINS',
    default: '',
    unit: 'list',
    meaning:
      'Origins whose web pages may call, separated by commas, e.g. https://app.example.com. Empty: only pages of this server.',
    schema: origins,
  },
  trustProxy: {
    env: 'TRUST_PROXY',
    default: '',
    unit: 'list',
    meaning:
      'Addresses or networks of proxies whose X-Forwarded headers are believed, separated by commas. Empty: none.',
    schema: addresses,
  },
  basePath: {
    env: 'BASE_PATH',
    default: '',
    unit: 'path',
    meaning:
      'Path that a proxy serves this server below, e.g. /jobs: every address in a reply begins with it, and requests may have it or not. A trusted proxy can say it by X-Forwarded-Prefix instead. Empty: none.',
    schema: z
      .string()
      .regex(
        /^$|^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/,
        'expected a path such as /jobs, without a slash at its end',
      ),
  },
  isWebOn: {
    env: 'WEB',
    default: 'on',
    unit: 'on or off',
    meaning: 'Whether the dashboard is served at /ui/.',
    schema: z.enum(['on', 'off']).transform((value) => value === 'on'),
  },
  ratePerMinute: {
    env: 'RATE_LIMIT_PER_MINUTE',
    default: '600',
    unit: 'requests',
    meaning:
      'Requests that one caller, with all its tokens, may make in a minute; stats and health are free. 0: no limit. 0 to 1000000.',
    schema: whole(0, 1_000_000),
  },
  addressRatePerMinute: {
    env: 'ADDRESS_RATE_LIMIT_PER_MINUTE',
    default: '1200',
    unit: 'requests',
    meaning:
      'Requests that one address may make in a minute, once there are tokens. 0: no limit. 0 to 1000000.',
    schema: whole(0, 1_000_000),
  },
  maxConnections: {
    env: 'MAX_CONNECTIONS',
    default: '12000',
    unit: 'sockets',
    meaning: 'Connections that may be open at once; one more is closed. 1 to 1000000.',
    schema: whole(1, 1_000_000),
  },
  maxStreams: {
    env: 'MAX_STREAMS',
    default: '10000',
    unit: 'streams',
    meaning:
      'WebSockets and event streams that may be open at once; one more is refused with 429. 1 to 1000000.',
    schema: whole(1, 1_000_000),
  },
  maxCallerStreams: {
    env: 'MAX_STREAMS_PER_CALLER',
    default: '20',
    unit: 'streams',
    meaning: 'The same for one caller, with all its tokens. 1 to 1000000.',
    schema: whole(1, 1_000_000),
  },
  maxBodyBytes: {
    env: 'MAX_BODY_MB',
    default: '2',
    unit: 'MB',
    meaning: 'Largest JSON body. 1 to 64.',
    schema: megabytes(64),
  },
  maxUploadBytes: {
    env: 'MAX_UPLOAD_MB',
    default: '50',
    unit: 'MB',
    meaning: 'Largest uploaded file. 1 to 2048.',
    schema: megabytes(2048),
  },
  replyBytes: {
    env: 'MAX_RESPONSE_MB',
    default: '128',
    unit: 'MB',
    meaning:
      'Memory that long replies which are being sent may hold together; beyond it more are answered 503 responses-busy. 1 to 65536.',
    schema: megabytes(65_536),
  },
  slowBytesPerSecond: {
    env: 'MIN_KB_PER_SECOND',
    default: '64',
    unit: 'KB',
    meaning:
      'A body that comes, or a reply that is taken, more slowly than this for longer than 10 s is cut off. 0: never. 0 to 1000000.',
    schema: whole(0, 1_000_000).transform((value) => value * 1024),
  },
  requestTimeoutMs: {
    env: 'REQUEST_TIMEOUT_SECONDS',
    default: '600',
    unit: 'seconds',
    meaning: 'Time limit for a whole request to arrive, uploads included. 1 to 3600.',
    schema: whole(1, 3600).transform((value) => value * 1000),
  },
} as const satisfies Record<string, Row>
