import type { Logger } from 'pino'
import type { NoteJournal } from '../journal/journal.ts'
import type { Clock } from '../time/clock.ts'
import { Ticker } from '../time/ticker.ts'
import type { SavedCounters, Counters } from './counters.ts'

/** Where each is kept. */
const NOTES = { rejected: 'total_rejected', retried: 'total_retried' } as const
const NAMES = Object.keys(NOTES) as (keyof typeof NOTES)[]
const SAVE_EVERY_MS = 5000
/** What resources have drawn, and what they wait for. */
export const RESOURCES_NOTE = 'resources'

export interface TotalsKeeperDeps {
  readonly notes: NoteJournal
  readonly counters: Counters
  readonly resources: { readonly save: () => string | null; readonly load: (text: string) => void }
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Saves what cannot be computed from tasks: the numbers of refused submits and of retries, and the used quotas. They are
 * written now and then, so a process that is killed loses those of its last seconds.
 */
export class CounterStore {
  readonly #deps: TotalsKeeperDeps
  readonly #saved = new Map<string, string>()
  readonly #ticker: Ticker

  constructor(deps: TotalsKeeperDeps) {
    this.#deps = deps
    this.#ticker = new Ticker(deps.clock, SAVE_EVERY_MS, () => void this.save())
  }

  async load(): Promise<SavedCounters> {
    const { notes, resources } = this.#deps
    const drawn = await notes.loadNote(RESOURCES_NOTE)
    if (drawn !== undefined) resources.load(drawn)
    const [rejected = 0, retried = 0] = await Promise.all(
      NAMES.map(async (name) => Number((await notes.loadNote(NOTES[name])) ?? 0)),
    )
    return { rejected, retried }
  }

  start(): void {
    this.#ticker.start()
  }

  async stop(): Promise<void> {
    this.#ticker.stop()
    await this.save()
  }

  /** Never rejects: a count is not worth a stop. */
  async save(): Promise<void> {
    const { counters, resources } = this.#deps
    for (const name of NAMES) await this.#saveNote(NOTES[name], `${counters[name]}`)
    const drawn = resources.save()
    if (drawn !== null) await this.#saveNote(RESOURCES_NOTE, drawn)
  }

  async #saveNote(name: string, text: string): Promise<void> {
    if ((this.#saved.get(name) ?? '0') === text) return
    this.#saved.set(name, text)
    await this.#deps.notes.saveNote(name, text).catch((error: unknown) => {
      this.#deps.log.warn({ err: error, note: name }, 'counters not saved')
    })
  }
}
