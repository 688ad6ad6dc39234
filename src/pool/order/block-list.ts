/** An entry of such a list. */
export interface Linked<E> {
  readonly seq: number
  readonly ticket: { readonly createdAt: number }
  /** The part of the list that counts it. */
  block: Block<E> | null
  previous: E | null
  next: E | null
}

/** Neighbouring entries that are counted together. */
export interface Block<E> {
  count: number
  first: E
  last: E
  /** No entry was admitted after this instant, epoch ms. */
  newest: number
  previous: Block<E> | null
  next: Block<E> | null
}

/** Entries of a block that is filled from its end; one that others return into may have twice as many. */
const BLOCK_SIZE = 512

/**
 * Entries by age in a linked list of counted blocks: put last and taken out in O(1), a place among n is found in
 * O(n / 512 + 512).
 */
export class BlockList<E extends Linked<E>> {
  head: E | null = null
  length = 0
  #tail: E | null = null
  #firstBlock: Block<E> | null = null
  readonly #work: { steps: number }

  /** @param work counts the entries and blocks that are looked at */
  constructor(work: { steps: number }) {
    this.#work = work
  }

  insert(entry: E): void {
    this.length += 1
    const tail = this.#tail
    if (tail === null || tail.seq < entry.seq) this.#append(entry, tail)
    else this.#insertBefore(entry, this.#firstFrom(entry.seq))
  }

  remove(entry: E): void {
    const { previous, next, block } = entry
    if (block === null) return
    this.length -= 1
    if (previous === null) this.head = next
    else previous.next = next
    if (next === null) this.#tail = previous
    else next.previous = previous
    entry.previous = entry.next = entry.block = null
    block.count -= 1
    if (block.count === 0) return this.#unlink(block)
    if (block.first === entry) block.first = next as E
    if (block.last === entry) block.last = previous as E
    if (block.next !== null) this.#mergeSmall(block, block.next)
    if (block.previous !== null) this.#mergeSmall(block.previous, block)
  }

  countBefore(seq: number): number {
    let count = 0
    let block = this.#firstBlock
    for (; block !== null && block.last.seq < seq; block = block.next) {
      this.#work.steps += 1
      count += block.count
    }
    for (let entry = block?.first ?? null; entry !== null && entry.seq < seq; entry = entry.next) {
      this.#work.steps += 1
      count += 1
    }
    return count
  }

  countAdmittedBefore(instant: number): number {
    let count = 0
    for (let block = this.#firstBlock; block !== null; block = block.next) {
      this.#work.steps += 1
      if (block.newest < instant) {
        count += block.count
        continue
      }
      let newest = -Infinity
      for (let entry: E | null = block.first; entry?.block === block; entry = entry.next) {
        this.#work.steps += 1
        const { createdAt } = entry.ticket
        if (createdAt >= instant) return count
        count += 1
        newest = Math.max(newest, createdAt)
      }
      // What made it newer has been taken out.
      block.newest = newest
    }
    return count
  }

  #append(entry: E, tail: E | null): void {
    entry.previous = tail
    if (tail === null) this.head = entry
    else tail.next = entry
    this.#tail = entry
    const last = tail?.block ?? null
    if (last !== null && last.count < BLOCK_SIZE) {
      last.last = entry
      count(last, entry)
      return
    }
    const block = createBlock(entry, last)
    if (last === null) this.#firstBlock = block
    else last.next = block
  }

  /** The first entry of this age or more; there is one. */
  #firstFrom(seq: number): E {
    let block = this.#firstBlock as Block<E>
    for (; block.last.seq < seq; block = block.next as Block<E>) this.#work.steps += 1
    let entry = block.first
    for (; entry.seq < seq; entry = entry.next as E) this.#work.steps += 1
    return entry
  }

  #insertBefore(entry: E, next: E): void {
    const block = next.block as Block<E>
    entry.previous = next.previous
    entry.next = next
    if (next.previous === null) this.head = entry
    else next.previous.next = entry
    next.previous = entry
    if (block.first === next) block.first = entry
    count(block, entry)
    if (block.count === 2 * BLOCK_SIZE) this.#split(block)
  }

  #split(block: Block<E>): void {
    let entry = block.first
    for (let at = 0; at < BLOCK_SIZE; at += 1) entry = entry.next as E
    const { last, newest, next } = block
    const second: Block<E> = { count: BLOCK_SIZE, first: entry, last, newest, previous: block, next }
    if (next !== null) next.previous = second
    block.next = second
    block.last = entry.previous as E
    block.count = BLOCK_SIZE
    this.#assign(second)
  }

  /** Two blocks that are not half full together become one, so that few blocks hold few entries. */
  #mergeSmall(block: Block<E>, next: Block<E>): void {
    if (block.count + next.count > BLOCK_SIZE / 2) return
    block.count += next.count
    block.last = next.last
    block.newest = Math.max(block.newest, next.newest)
    this.#unlink(next)
    this.#assign(block)
  }

  /** Notes the block in its entries. */
  #assign(block: Block<E>): void {
    for (let entry: E | null = block.first; entry !== null; entry = entry.next) {
      this.#work.steps += 1
      entry.block = block
      if (entry === block.last) return
    }
  }

  #unlink({ previous, next }: Block<E>): void {
    if (previous === null) this.#firstBlock = next
    else previous.next = next
    if (next !== null) next.previous = previous
  }
}

function createBlock<E extends Linked<E>>(entry: E, previous: Block<E> | null): Block<E> {
  const { createdAt } = entry.ticket
  const block: Block<E> = { count: 1, first: entry, last: entry, newest: createdAt, previous, next: null }
  entry.block = block
  return block
}

function count<E extends Linked<E>>(block: Block<E>, entry: E): void {
  entry.block = block
  block.count += 1
  block.newest = Math.max(block.newest, entry.ticket.createdAt)
}
