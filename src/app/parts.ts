import type { TokenStore } from '../auth/token-store.ts'
import type { Sessions } from '../auth/sessions.ts'
import type { Tickets } from '../auth/tickets.ts'
import type { EventBus } from '../events/event-bus.ts'
import type { Connector } from '../fetch/connector.ts'
import type { Registry } from '../handler/registry.ts'
import type { QueueServices } from '../http/deps.ts'
import type { Connections } from '../http/stream/connections.ts'
import type { StreamLimits } from '../http/stream/stream-limits.ts'
import type { QueueControls, QueueView } from '../lifecycle/queue-view.ts'
import type { Webhooks } from '../webhook/webhooks.ts'
import type { BackgroundJobs } from './background.ts'
import type { Builtins } from './builtins.ts'
import type { Storage } from './choose-engine.ts'
import type { Engine } from './local-engine.ts'

/** The application, by what its parts are for. */
export interface AppParts {
  readonly storage: Storage
  readonly queue: AppQueue
  readonly jobs: BackgroundJobs & { readonly webhooks: Webhooks }
  readonly access: Access
  readonly streams: Streams
  readonly builtins: Builtins
  readonly registry: Registry
  readonly connector: Connector
}

/** The queue, with how it begins and ends. */
interface AppQueue extends QueueServices {
  readonly pool: QueueView & QueueControls
  readonly engine: Engine
}

/** Who may call. */
interface Access {
  readonly callers: TokenStore
  readonly tickets: Tickets
  readonly sessions: Sessions
}

/** What goes to readers of streams. */
interface Streams {
  readonly bus: EventBus
  readonly connections: Connections
  readonly places: StreamLimits
}
