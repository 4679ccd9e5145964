import {
  type ColumnDefinitionNode,
  DataTypeNode,
  type KyselyPlugin,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryId,
  RawNode,
} from "kysely";
import pg from "pg";

// Text is compared byte by byte, as SQLite does: keys are ordered and paged by it, whatever the database's own collation is.
const POSTGRES_TYPES: Record<string, string> = { blob: "bytea", text: 'text collate "C"' };

class PostgresColumnTypes extends OperationNodeTransformer {
  protected override transformColumnDefinition(node: ColumnDefinitionNode, queryId?: QueryId): ColumnDefinitionNode {
    const changed = super.transformColumnDefinition(node, queryId);
    if (!DataTypeNode.is(node.dataType)) return changed;
    const other = POSTGRES_TYPES[node.dataType.dataType];
    return other === undefined ? changed : { ...changed, dataType: RawNode.createWithSql(other) };
  }
}

/** Lets one set of migrations make the same tables on PostgreSQL as on SQLite: `blob` and `text` become its own types. */
export class PostgresTypesPlugin implements KyselyPlugin {
  readonly #transformer = new PostgresColumnTypes();

  transformQuery({ node, queryId }: PluginTransformQueryArgs) {
    return this.#transformer.transformNode(node, queryId);
  }

  async transformResult({ result }: PluginTransformResultArgs) {
    return result;
  }
}

/** How values come back: 64-bit integers and their sums as numbers, as from SQLite (ours are all below 2^53); every other type as `pg` has it. */
export const postgresValues: pg.CustomTypesConfig = {
  getTypeParser: (id: number, format?: "text" | "binary") => {
    if (id === pg.types.builtins.INT8 || id === pg.types.builtins.NUMERIC) return Number;
    return pg.types.getTypeParser(id, format);
  },
};
