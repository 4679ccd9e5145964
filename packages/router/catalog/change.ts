/** Something that the database has anew, or no more: of one key, or of a site as a whole. */
export interface CatalogChange {
  site: string;
  key?: string | undefined;
  isRemoved: boolean;
}
