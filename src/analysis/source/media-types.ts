/** Media types that can be read, as they are recognised from the content. */
export const READABLE_TYPES = ['application/pdf', 'text/html', 'text/plain'] as const
