/** Pieces of all readers together in one turn of the event loop, so that everything else has a turn too. */
const PIECES_PER_TURN = 32

const waiting: (() => void)[] = []
let isTurning = false

/** Settles when it is this piece's turn. */
export function turn(): Promise<void> {
  if (!isTurning) {
    isTurning = true
    setImmediate(giveTurns)
  }
  return new Promise((resolve) => waiting.push(resolve))
}

function giveTurns(): void {
  for (const resolve of waiting.splice(0, PIECES_PER_TURN)) resolve()
  isTurning = waiting.length > 0
  if (isTurning) setImmediate(giveTurns)
}
