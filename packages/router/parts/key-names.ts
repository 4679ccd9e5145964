/** In the data directory: what tickets, fills and webhooks of the network are signed under. */
export const MASTER_KEY_FILE = "master.key";
/** In the data directory: the seed of this Router's own key pair. */
export const IDENTITY_KEY_FILE = "identity.key";
/** Length of both. */
export const SECRET_BYTES = 32;
/** The database in the data directory, unless another is named. */
export const DATABASE_FILE = "router.sqlite";
/** There while a restore has begun to replace things and has not ended. */
export const RESTORE_MARK_FILE = "restore-unfinished";
