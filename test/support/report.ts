import type { Origin, ReportRequest } from '../../src/analysis/report.ts'

const ORIGIN: Origin = {
  kind: 'text',
  name: null,
  url: null,
  mediaType: 'text/plain',
  sha256: 'ab'.repeat(32),
}

/** What is asked of a report, as far as a test does not say otherwise. */
export function reportRequest(given: Partial<ReportRequest> = {}): ReportRequest {
  return { title: null, fallbackTitle: 'Fallback', origin: ORIGIN, ...given }
}
