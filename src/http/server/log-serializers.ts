/** What a log says of requests and replies: never a query, a header or a body. */
export const LOG_SERIALIZERS = {
  req: ({ method, url }: { method?: string; url?: string }) => ({ method, path: url?.split('?', 1)[0] }),
  res: ({ statusCode }: { statusCode?: number }) => ({ statusCode }),
}
