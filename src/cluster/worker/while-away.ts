import { setTimeout } from 'node:timers/promises'
import { isAway } from '../database/database.ts'

const RETRY_MS = { min: 100, max: 2000 }

/**
 * Asks the database for something that may be asked for twice, again and again while it is away: a handler must not fail
 * because of that.
 *
 * @param isOver whether nobody needs the reply any more
 * @throws what `ask` throws beside that
 */
export async function whileAway<Reply>(ask: () => Promise<Reply>, isOver: () => boolean): Promise<Reply> {
  for (let pauseMs = RETRY_MS.min; ; pauseMs = Math.min(RETRY_MS.max, pauseMs * 2)) {
    try {
      return await ask()
    } catch (error) {
      if (!isAway(error) || isOver()) throw error
      await setTimeout(pauseMs, undefined, { ref: false })
    }
  }
}
