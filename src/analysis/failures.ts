import type { FailureKinds } from '../task/failure.ts'

/** Why a report fails, beside what every task may fail with. */
export const ANALYSIS_FAILURES = {
  no_subtitles: { retryable: false, suggestion: 'Choose a video that has captions.' },
  video_not_found: { retryable: false, suggestion: 'Check that the video is public and still online.' },
  no_text: { retryable: false, suggestion: 'Submit a document with text.' },
  ocr_unavailable: {
    retryable: false,
    suggestion: 'Run text recognition (OCR) over the scan, then submit the result.',
  },
  encrypted_input: {
    retryable: false,
    suggestion: 'Remove the password from the file, then submit it again.',
  },
} as const satisfies FailureKinds
