import type { FastifyRequest } from 'fastify'

const MAX_HEADERS = 100
/** Of these Node keeps the first and forgets the rest, which may be what a proxy in front has judged by. */
const SINGLE = new Set(['host', 'authorization'])
const SHORTEST = 'host'.length
const LONGEST = 'authorization'.length

/** What is wrong with the headers as they came; null when nothing is. */
export function headerFault({ raw }: FastifyRequest): 'too-many' | 'host' | 'authorization' | null {
  const { rawHeaders } = raw
  if (rawHeaders.length > MAX_HEADERS * 2) return 'too-many'
  let seen = ''
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const given = rawHeaders[index] as string
    if (given.length !== SHORTEST && given.length !== LONGEST) continue
    const name = given.toLowerCase()
    if (!SINGLE.has(name)) continue
    if (seen.includes(name)) return name as 'host' | 'authorization'
    seen += name
  }
  return null
}
