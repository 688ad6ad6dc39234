import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../auth/caller.ts'
import type { TokenStore } from '../auth/token-store.ts'
import type { Sessions } from '../auth/sessions.ts'
import type { Tickets } from '../auth/tickets.ts'
import type { OperatorControls } from '../control/operator-controls.ts'
import type { EventBus } from '../events/event-bus.ts'
import type { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { Registry } from '../handler/registry.ts'
import type { QueueAdmission } from '../admission/queue-admission.ts'
import type {
  HistoryJournal,
  JournalHealth,
  TaskJournal,
  RetentionJournal,
  StepJournal,
} from '../journal/journal.ts'
import type { LifecycleView, QueueView } from '../lifecycle/queue-view.ts'
import type { ResourceControls } from '../resource/resources.ts'
import type { UploadStore } from '../uploads/upload-store.ts'
import type { Clock } from '../time/clock.ts'
import type { PrefixOf } from './gate/base-path.ts'
import type { LingerLimits } from './gate/linger.ts'
import type { Connections } from './stream/connections.ts'
import type { StreamLimits } from './stream/stream-limits.ts'
import type { ReplyMemory } from './server/reply-memory.ts'

/** Identifies who makes a request; null: not authorized. */
export type Identify = (request: FastifyRequest) => Caller | null | Promise<Caller | null>

interface ModelUse {
  readonly calls: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** null while a call had no price. */
  readonly usd: number | null
}

/** A process that takes requests or runs tasks. */
export interface ProcessView {
  readonly name: string
  readonly kind: 'serve' | 'web' | 'worker'
  readonly host: string
  readonly version: string
  readonly slots: number
  /** Slots in use. */
  readonly busy: number
  /** Unresponsive handlers. */
  readonly stuck: number
  /** Since its last report. */
  readonly silentMs: number
}

/** Dependencies of the HTTP plugin, by what they are for. A route names what it needs of a group, and gets no more. */
export interface HttpDeps {
  readonly queue: QueueServices
  readonly storage: StorageServices
  readonly rules: SubmitRules
  readonly access: AccessServices
  readonly streams: StreamServices
  readonly limits: RequestLimits
  readonly process: ProcessServices
}

/** The queue: what admits tasks, what is read of it, and what operators set. */
export interface QueueServices {
  readonly admission: QueueAdmission
  readonly lifecycle: LifecycleView
  readonly pool: QueueView
  readonly estimator: WaitEstimator
  readonly resources: ResourceControls
  readonly controls: OperatorControls
  /** Reads what other processes have changed, before it is asked for; null: this process knows everything. */
  readonly freshen: (() => Promise<void>) | null
}

/** What is kept of tasks. */
export interface StorageServices {
  readonly journal: TaskJournal
  readonly steps: Pick<StepJournal, 'listSteps'>
  readonly history: HistoryJournal
  readonly erased: Pick<RetentionJournal, 'erase' | 'ownerOfErased'>
  readonly health: JournalHealth
  readonly uploadStore: UploadStore
}

/** What may be submitted. */
export interface SubmitRules {
  readonly registry: Registry
  /** Task types whose packages are not installed, each with what to do about it. */
  readonly unavailable: ReadonlyMap<string, string>
  /** Largest JSON body. */
  readonly maxBodyBytes: number
  /** Whether webhooks can be signed where a submit names no secret. */
  readonly hasWebhookSecret: boolean
  /** Why no webhook may be sent to an address; null when it may. */
  readonly refusalOf: (address: string) => string | null
}

/** Who calls. */
export interface AccessServices {
  readonly callers: TokenStore
  readonly tickets: Tickets
  readonly sessions: Sessions
  /** Who calls, as the host application knows it; null: by our own tokens. */
  readonly identify: Identify | null
}

/** What replies are made of that last, or are long. */
export interface StreamServices {
  readonly bus: EventBus
  readonly connections: Connections
  readonly places: StreamLimits
  /** What long replies may hold. */
  readonly replyMemory: ReplyMemory
}

/** What requests may do before their caller is known, and how often. */
export interface RequestLimits {
  /** Origins whose web pages may call. */
  readonly corsOrigins: readonly string[]
  /** Requests of one caller; 0: no limit. */
  readonly ratePerMinute: number
  /** Requests of one address; 0: no limit. */
  readonly addressRatePerMinute: number
  /** What is still read of a request that was answered before its end. */
  readonly linger: LingerLimits
  /** Finds the path that every URL of a reply begins with. */
  readonly findPrefix: PrefixOf
}

/** This process, and those that share its queue. */
export interface ProcessServices {
  readonly clock: Clock
  readonly version: string
  /** Whether everything is up; it stays so while the process stops. */
  readonly isStarted: () => boolean
  /** Whether the dashboard is served. */
  readonly isWebOn: boolean
  /** Whether this process is alone with its queue, or one of several over PostgreSQL. */
  readonly engineName: 'local' | 'postgres'
  /** The processes that share the queue. */
  readonly listProcesses: () => Promise<readonly ProcessView[]>
  /** What models have used since the start, by `provider:model`. */
  readonly modelUse: () => ReadonlyMap<string, ModelUse>
}

/** A Fastify instance whose routes are typed by zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>
