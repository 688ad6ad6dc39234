import { z } from 'zod'

const spoken = z.object({
  captions: z.string(),
  chapters: z.array(z.object({ seconds: z.number(), title: z.string() })),
  author: z.string().nullable(),
})

/** What is said in a recording: captions in a format of YouTube's, and what is known beside them. */
export type Spoken = z.output<typeof spoken>
export type SpokenPart = Spoken['chapters'][number]

/** As one text, on its way to the reader in its own process. */
export function spokenText(given: {
  readonly captions: string
  readonly chapters: readonly SpokenPart[]
  readonly author: string | null
}): string {
  return JSON.stringify(given)
}

/** Reads it again; captions alone are what they are. */
export function readSpoken(text: string): Spoken {
  try {
    return spoken.parse(JSON.parse(text))
  } catch {
    return { captions: text, chapters: [], author: null }
  }
}
