/** What a log says of requests and replies: never a query, a header or a body. */
export const LOG_DISCRETION = {
  serializers: {
    req: ({ method, url }: { method?: string; url?: string }) => ({ method, path: url?.split('?', 1)[0] }),
    res: ({ statusCode }: { statusCode?: number }) => ({ statusCode }),
  },
  // The reader of uploads writes all of a request's headers down, at the level trace.
  redact: { paths: ['headers', '*.headers'], remove: true },
}
