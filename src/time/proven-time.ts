import type { Clock, ProvenClock } from './clock.ts'

export interface ProvenTimeOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** Called when the wall clock differs from the time that has passed; `byMs` may be negative. */
  readonly onJump: (byMs: number) => void
  /** Keeps the time for the next process. */
  readonly keep: (text: string) => Promise<void>
}

/** A difference up to this size is a clock that is being adjusted. */
const TOLERANCE_MS = 60_000
/** A jump counts as the true time when the wall clock has stayed with it for this long. */
const SETTLE_MS = 3_600_000
/** After a longer pause between two processes a stop cannot be distinguished from a wrong clock. */
const MAX_PAUSE_MS = 3_600_000

/**
 * The time that both clocks agree on, for decisions that cannot be undone: the wall clock, unless it differs from
 * what the monotonic clock has measured. Then it continues from where it was, and follows the wall clock again when
 * that has come back, or has stayed for an hour.
 */
export class ProvenTime {
  readonly #options: ProvenTimeOptions
  /** The last time that was proven, epoch ms, and the monotonic reading at that moment. */
  #proven: { readonly at: number; readonly reading: number }
  readonly #started: { readonly at: number; readonly reading: number }
  #jump: { readonly byMs: number; readonly since: number } | null = null

  constructor(options: ProvenTimeOptions) {
    const { clock } = options
    this.#options = options
    this.#proven = { at: clock.now(), reading: clock.monotonic() }
    this.#started = this.#proven
  }

  /** Takes over the time that the process before has kept. */
  resume(text: string | undefined): void {
    const at = Number(text)
    if (text === undefined || !Number.isFinite(at)) return
    const { clock } = this.#options
    const pauseMs = clock.now() - at
    if (pauseMs >= 0 && pauseMs <= MAX_PAUSE_MS) return
    this.#proven = { at, reading: clock.monotonic() }
    this.now()
  }

  /** Epoch ms. */
  now(): number {
    const { clock, onJump } = this.#options
    const reading = clock.monotonic()
    const wall = clock.now()
    const expected = this.#proven.at + (reading - this.#proven.reading)
    const byMs = wall - expected
    const isSettled =
      this.#jump !== null &&
      Math.abs(byMs - this.#jump.byMs) <= TOLERANCE_MS &&
      reading - this.#jump.since >= SETTLE_MS
    if (Math.abs(byMs) <= TOLERANCE_MS || isSettled) {
      this.#proven = { at: wall, reading }
      this.#jump = null
      return wall
    }
    if (this.#jump === null || Math.abs(byMs - this.#jump.byMs) > TOLERANCE_MS) {
      this.#jump = { byMs, since: reading }
      onJump(byMs)
    }
    return expected
  }

  /**
   * The instant before which a task must have ended to have been kept for `keepMs`. What ended in this process, which
   * has run for a shorter time, has not been kept that long, whatever the wall clock shows.
   */
  cutoff(keepMs: number): number {
    const { at, reading } = this.#started
    const runMs = this.#options.clock.monotonic() - reading
    const before = this.now() - keepMs
    return runMs < keepMs ? Math.min(before, at) : before
  }

  async save(): Promise<void> {
    await this.#options.keep(`${Math.round(this.now())}`)
  }
}

/**
 * A clock whose wall time never falls behind what has passed: a clock that is set back, to 1970 for instance, would
 * make what ends now look old. A jump forward is followed.
 */
export function createSteadyClock(clock: Clock, time: Pick<ProvenTime, 'now'>): ProvenClock {
  const provenNow = () => time.now()
  return { ...clock, now: () => Math.round(Math.max(clock.now(), provenNow())), provenNow }
}
