/** Every row of a list that comes in pages; the next page is asked for when the last is used up. */
export async function* everyRow<Row>(
  page: (cursor: string | undefined) => Promise<{
    readonly items: readonly Row[];
    readonly nextCursor?: string;
  }>,
): AsyncGenerator<Row, void, undefined> {
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await page(cursor);
    yield* items;
    cursor = nextCursor;
  } while (cursor !== undefined);
}
