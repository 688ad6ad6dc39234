import { TaskError, type FailureType } from '../../../task/failure.ts'

interface Refusal {
  /** Reasons as YouTube words them, in the language that the player is asked in (English). */
  readonly pattern: RegExp
  readonly errorType: FailureType
  readonly message: string
  readonly suggestion: string
}

const ROBOT = {
  errorType: 'rate_limited',
  message: 'YouTube takes this address for a robot',
  suggestion: 'Wait some hours, or run the server at another address.',
} as const

/** The reasons that YouTube gives for a video that it does not show; the first that fits counts. */
const REFUSALS: readonly Refusal[] = [
  { pattern: /not a bot|unusual traffic/i, ...ROBOT },
  {
    pattern: /\bage\b|inappropriate for some users/i,
    errorType: 'access_forbidden',
    message: 'YouTube shows this video only to those who have signed in and are old enough',
    suggestion: 'Choose a video without an age limit, or send its captions as a text.',
  },
  {
    pattern: /private/i,
    errorType: 'access_forbidden',
    message: 'This video is private',
    suggestion: 'Ask its owner to make it public or unlisted.',
  },
  {
    pattern: /members|join this channel|premium|rental|purchase|payment/i,
    errorType: 'access_forbidden',
    message: 'This video is for paying viewers alone',
    suggestion: 'Choose a video that is free, or send its captions as a text.',
  },
  {
    pattern: /country|region|location/i,
    errorType: 'access_forbidden',
    message: 'YouTube does not show this video in the country of this server',
    suggestion: 'Run the server in a country where the video can be watched.',
  },
  {
    pattern: /premieres|live event|live stream|offline|upcoming|scheduled/i,
    errorType: 'no_subtitles',
    message: 'This video is live or has not begun: it has no captions yet',
    suggestion: 'Submit it again some hours after it has ended.',
  },
  {
    pattern: /removed|terminated|deleted|no longer available|copyright/i,
    errorType: 'video_not_found',
    message: 'This video was taken away',
    suggestion: 'Look for another copy of it.',
  },
]

/** Statuses of the player whose reasons add nothing. */
const BY_STATUS: Readonly<Record<string, Omit<Refusal, 'pattern'>>> = {
  ERROR: {
    errorType: 'video_not_found',
    message: 'YouTube has no such video',
    suggestion: 'Check the link, and that the video is public and still online.',
  },
  LIVE_STREAM_OFFLINE: {
    errorType: 'no_subtitles',
    message: 'This live stream has no captions yet',
    suggestion: 'Submit it again some hours after it has ended.',
  },
}
const ELSE: Omit<Refusal, 'pattern'> = {
  errorType: 'access_forbidden',
  message: 'YouTube does not show this video',
  suggestion: 'Choose a video that can be watched without signing in.',
}

/** Why the player does not show a video. */
export function refusalOf(status: string, reason: string): TaskError {
  const refusal = REFUSALS.find(({ pattern }) => pattern.test(reason)) ?? BY_STATUS[status] ?? ELSE
  return toError(refusal, reason === '' ? status : reason)
}

/** What a page for people means, where data was expected. */
export function pageError(page: string): TaskError {
  if (/consent\.(youtube|google)\.com|action="[^"]*\/save"/.test(page)) {
    const message = 'YouTube asks for consent to cookies before it shows the video.'
    const suggestion =
      'Accept the consent of YouTube once from this address, or run the server at another one.'
    return new TaskError('access_forbidden', message, { suggestions: [suggestion] })
  }
  if (/g-recaptcha|captcha|unusual traffic/i.test(page)) return toError(ROBOT, 'it asks for a test')
  return new TaskError('unknown', 'YouTube sent a page where data was expected.')
}

function toError({ errorType, message, suggestion }: Omit<Refusal, 'pattern'>, detail: string): TaskError {
  return new TaskError(errorType, `${message}: ${detail}`, { suggestions: [suggestion] })
}
