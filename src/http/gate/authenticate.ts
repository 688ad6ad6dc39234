import type { FastifyRequest } from 'fastify'
import { LOCAL_CALLER, type Caller } from '../../auth/caller.ts'
import { callerOfHost } from '../../auth/token.ts'
import type { Ticket } from '../../auth/tickets.ts'
import { isTerminal } from '../../task/status.ts'
import type { AccessServices, ProcessServices, StorageServices } from '../deps.ts'
import type { Access } from './access.ts'
import { readSessionCookie } from './session-cookie.ts'
import { asksForLoopback, comesFromLoopback } from './origin.ts'

/** What is needed of the server. */
type Deps = AccessServices & Pick<StorageServices, 'journal'> & Pick<ProcessServices, 'clock'>

/** Who makes a request, or why that is not known. */
export type Authentication =
  | { readonly kind: 'known'; readonly access: Access }
  | { readonly kind: 'unauthorized' | 'forbidden'; readonly detail: string }

/** RFC 6750; the scheme's letters may be of either case. */
const BEARER = /^bearer +([\x21-\x7e]+)$/i
/** A ticket is valid for this long after its task's end. */
const TICKET_AFTER_END_MS = 5 * 60_000

/** A request without a ticket has all rights of its caller on every task. */
const WITHOUT_TICKET = { onlyTask: null, mayCancel: true, isSession: false } as const

/** Finds out who makes a request. */
export class Authenticator {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** The caller of a request where nothing has to be waited for; undefined: ask {@link authenticate}. */
  atOnce(request: FastifyRequest): Authentication | undefined {
    const { identify, callers } = this.#deps
    return identify === null && callers.isOpen ? this.#locally(request) : undefined
  }

  /** The caller of a request that must be authenticated. */
  async authenticate(request: FastifyRequest): Promise<Authentication> {
    const { identify } = this.#deps
    if (identify === null) return this.#byToken(request)
    const identified: unknown = await identify(request)
    if (identified === null || identified === undefined)
      return unauthorized('The application does not know who calls.')
    // The word of a host that may not be typed: a caller that is none is its mistake, and gets nothing.
    return known({
      caller: callerOfHost.parse(identified),
      ...WITHOUT_TICKET,
      isStillGranted: () => true,
    })
  }

  /** The caller in whose name a ticket was given, for the task that it names. */
  async byTicket(text: string, taskId: string | undefined): Promise<Authentication> {
    const { tickets, journal, clock } = this.#deps
    const ticket = tickets.read(text)
    const caller = ticket === undefined ? undefined : this.#findHolder(ticket)
    if (ticket === undefined || caller === undefined || (taskId ?? ticket.taskId) !== ticket.taskId) {
      return unauthorized('The ticket is not one for this task.')
    }
    const task = await journal.find(ticket.taskId)
    const isOver =
      task === undefined ||
      (isTerminal(task.status) && clock.now() > (task.finishedAt ?? 0) + TICKET_AFTER_END_MS)
    if (isOver) return unauthorized('The ticket has ended with its task.')
    const isStillGranted = () => this.#findHolder(ticket) !== undefined
    const { taskId: onlyTask, mayCancel } = ticket
    return known({ caller, onlyTask, mayCancel, isSession: false, isStillGranted })
  }

  #byToken(request: FastifyRequest): Authentication {
    const { callers } = this.#deps
    if (callers.isOpen) return this.#locally(request)
    const { authorization } = request.headers
    const session = authorization === undefined ? readSessionCookie(request) : undefined
    if (session !== undefined) return this.#bySession(session)
    if (authorization === undefined) return unauthorized('Send a token: Authorization: Bearer …')
    const token = BEARER.exec(authorization)?.[1]
    if (token === undefined) return unauthorized('Expected a token: Authorization: Bearer …')
    const caller = callers.authenticate(token)
    if (caller === undefined) return unauthorized('The token is unknown, revoked or expired.')
    return known({
      caller,
      ...WITHOUT_TICKET,
      isStillGranted: () => isSame(callers.authenticate(token), caller),
    })
  }

  /** The caller of a browser that has logged in. */
  #bySession(session: string): Authentication {
    const { sessions } = this.#deps
    const caller = sessions.read(session)
    if (caller === undefined) return unauthorized('The session has ended: log in again.')
    const isStillGranted = () => isSame(sessions.read(session), caller)
    return known({ caller, ...WITHOUT_TICKET, isSession: true, isStillGranted })
  }

  /** Without tokens everyone on this machine is authorized, and no one else: neither remotely nor by DNS rebinding. */
  #locally(request: FastifyRequest): Authentication {
    if (!comesFromLoopback(request)) {
      return unauthorized(
        'There are no tokens yet, so only this machine is served. Make one: headgate token new',
      )
    }
    if (!asksForLoopback(request)) {
      const detail = 'Without tokens the server is asked for as localhost or 127.0.0.1 only.'
      return { kind: 'forbidden', detail }
    }
    return known({
      caller: LOCAL_CALLER,
      ...WITHOUT_TICKET,
      isStillGranted: () => this.#deps.callers.isOpen,
    })
  }

  /** Who asked for a ticket, as long as it has a token; the users of a host are the host's to know. */
  #findHolder({ callerName: name, role }: Ticket): Caller | undefined {
    const { callers, identify } = this.#deps
    return identify === null ? callers.named(name) : { name, role, maxPriority: 0 }
  }
}

/** Whether a caller may still do what it was granted: its role may have been changed since. */
function isSame(now: Caller | undefined, then: Caller): boolean {
  return now !== undefined && now.name === then.name && now.role === then.role
}

function known(access: Access): Authentication {
  return { kind: 'known', access }
}

function unauthorized(detail: string): Authentication {
  return { kind: 'unauthorized', detail }
}
