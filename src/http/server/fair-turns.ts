/** Pieces of all readers together in one turn of the event loop, so that everything else has a turn too. */
const PIECES_PER_TURN = 32

interface Waiting {
  readonly pieces: number
  readonly resolve: () => void
}

const waiting: Waiting[] = []
let isTurning = false

/**
 * Settles when it is this work's turn.
 *
 * @param pieces how much it is: one is a piece of an event stream, some 50 µs
 */
export function turn(pieces = 1): Promise<void> {
  if (!isTurning) {
    isTurning = true
    setImmediate(giveTurns)
  }
  return new Promise((resolve) => waiting.push({ pieces, resolve }))
}

function giveTurns(): void {
  let count = 0
  let given = 0
  for (; count < PIECES_PER_TURN && given < waiting.length; given += 1) count += waiting[given]?.pieces ?? 0
  for (const { resolve } of waiting.splice(0, given)) resolve()
  isTurning = waiting.length > 0
  if (isTurning) setImmediate(giveTurns)
}
