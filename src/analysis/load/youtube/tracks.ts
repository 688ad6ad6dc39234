/** One language of a video's captions. */
export interface CaptionTrack {
  /** Path and query at YouTube. */
  readonly path: string
  /** BCP 47. */
  readonly language: string
  /** As YouTube shows it, e.g. `English (auto-generated)`. */
  readonly label: string
  /** Written by speech recognition. */
  readonly isAutomatic: boolean
}

export interface TrackChoice {
  readonly track: CaptionTrack
  /** What the reader should know of it; null when it is just what was asked for. */
  readonly note: string | null
}

/**
 * Chooses captions: the asked language, else the language that is spoken (the one that speech recognition
 * was run on), otherwise English, otherwise the first; in each, manual captions before automatic ones.
 */
export function chooseTrack(
  tracks: readonly CaptionTrack[],
  asked: string | undefined,
): TrackChoice | undefined {
  const spoken = tracks.find((track) => track.isAutomatic)?.language
  const wanted = [asked, spoken, 'en'].filter((language) => language !== undefined)
  const found = wanted.map((language) => pickBest(tracks, language)).find((track) => track !== undefined)
  const track = found ?? tracks.find(({ isAutomatic }) => !isAutomatic) ?? tracks[0]
  if (track === undefined) return undefined
  if (asked !== undefined && !isSame(track.language, asked)) {
    return { track, note: `The video has no captions in "${asked}"; these are ${track.label}.` }
  }
  return {
    track,
    note: track.isAutomatic ? `The captions were made by speech recognition: ${track.label}.` : null,
  }
}

/** The exact language before its relatives (`pt-BR`, then `pt`), written before automatic. */
function pickBest(tracks: readonly CaptionTrack[], language: string): CaptionTrack | undefined {
  const byHand = tracks.filter(({ isAutomatic }) => !isAutomatic)
  const exact = (track: CaptionTrack) => track.language.toLowerCase() === language.toLowerCase()
  const related = (track: CaptionTrack) => isSame(track.language, language)
  return byHand.find(exact) ?? byHand.find(related) ?? tracks.find(exact) ?? tracks.find(related)
}

function isSame(one: string, other: string): boolean {
  return one.split('-', 1)[0]?.toLowerCase() === other.split('-', 1)[0]?.toLowerCase()
}
