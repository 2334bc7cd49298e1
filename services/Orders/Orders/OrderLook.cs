using System.Data.Common;
using Npgsql;
using OpsPlatform.Orders.Menu;
using OpsPlatform.ServiceDefaults.Idempotency;

namespace OpsPlatform.Orders.Orders;

/// <summary>What has to be known to take orders of one organisation, read in one round trip.</summary>
internal sealed class OrderLook
{
    private const string StoredSql = "SELECT id, content_hash FROM orders WHERE org_id = $1 AND id = ANY($2)";

    private const string MenuSql = """
        SELECT id, code, name, kind, target_id, pieces_per_sale, price_minor, currency, tax_class, category
        FROM menu_items WHERE org_id = $1 AND id = ANY($2)
        """;

    private const string CustomersSql = """
        SELECT id, email, external_id FROM customers WHERE org_id = $1 AND email = ANY($2)
        UNION ALL
        SELECT id, email, external_id FROM customers WHERE org_id = $1 AND external_id = ANY($3)
        """;

    private readonly Dictionary<(string? Email, string? ExternalId), Guid> _customers = [];
    private readonly Dictionary<(string? Email, string? ExternalId), NewCustomer> _newCustomers = [];

    /// <summary>The answers of requests whose key says that there is nothing to do.</summary>
    public IReadOnlyDictionary<HeldKey, KeyAnswer> ByKey { get; private set; } = new Dictionary<HeldKey, KeyAnswer>();

    /// <summary>Of the chosen ids those that have an order, with its content's hash.</summary>
    public Dictionary<Guid, byte[]> StoredHashes { get; } = [];

    public Dictionary<Guid, MenuItem> Menu { get; } = [];

    /// <summary>Those met by <see cref="CustomerOrNew"/> who have to be stored first.</summary>
    public IEnumerable<NewCustomer> NewCustomers => _newCustomers.Values;

    public static async Task<OrderLook> Read(NpgsqlConnection connection, Guid org, IReadOnlyList<OrderRequest> requests)
    {
        HeldKey[] keys = [.. requests.Select(request => request.Key).OfType<HeldKey>()];
        OrderDraft[] drafts = [.. requests.Select(request => request.Draft)];
        Guid[] chosen = [.. drafts.Where(draft => draft.HasChosenId).Select(draft => draft.Id)];
        string[] emails = [.. drafts.Select(draft => draft.Email).OfType<string>().Distinct()];
        string[] externalIds = [.. drafts.Select(draft => draft.ExternalId).OfType<string>().Distinct()];
        await using var batch = new NpgsqlBatch(connection);
        if (keys.Length > 0)
        {
            HeldKey.AddTake(batch, keys);
        }

        Add(batch, StoredSql, org, chosen);
        Add(batch, MenuSql, org, drafts.SelectMany(draft => draft.Lines).Select(line => line.MenuItemId).Distinct().ToArray());
        Add(batch, CustomersSql, org, emails, externalIds);

        var look = new OrderLook();
        await using var row = await batch.ExecuteReaderAsync();
        if (keys.Length > 0)
        {
            look.ByKey = await HeldKey.ReadTaken(row, keys, CancellationToken.None);
        }

        await look.ReadStored(row);
        await look.ReadMenu(row, org);
        await look.ReadCustomers(row);
        return look;
    }

    /// <summary>Who ordered; one not known yet is a new customer from here on.</summary>
    /// <returns>Null when the request names nobody.</returns>
    public Guid? CustomerOrNew(OrderDraft draft)
    {
        if (draft is { Email: null, ExternalId: null })
        {
            return null;
        }

        var key = (draft.Email, draft.ExternalId);
        if (_customers.TryGetValue(key, out var known))
        {
            return known;
        }

        if (!_newCustomers.TryGetValue(key, out var added))
        {
            _newCustomers[key] = added = new(Guid.CreateVersion7(draft.PlacedAt), draft.Id, draft.Email, draft.ExternalId, draft.CustomerName);
        }

        return added.Id;
    }

    private static void Add(NpgsqlBatch batch, string sql, params object[] values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        batch.BatchCommands.Add(command);
    }

    private async Task ReadStored(DbDataReader row)
    {
        while (await row.ReadAsync())
        {
            StoredHashes.Add(row.GetGuid(0), row.GetFieldValue<byte[]>(1));
        }

        await row.NextResultAsync();
    }

    private async Task ReadMenu(DbDataReader row, Guid org)
    {
        while (await row.ReadAsync())
        {
            Menu.Add(row.GetGuid(0), new MenuItem
            {
                OrgId = org,
                Id = row.GetGuid(0),
                Code = row.GetString(1),
                Name = row.GetString(2),
                Kind = Enum.Parse<MenuKind>(row.GetString(3), ignoreCase: true),
                TargetId = await row.IsDBNullAsync(4) ? null : row.GetGuid(4),
                PiecesPerSale = row.GetDecimal(5),
                PriceMinor = row.GetInt64(6),
                Currency = row.GetString(7),
                TaxClass = Enum.Parse<TaxClass>(row.GetString(8), ignoreCase: true),
                Category = await row.IsDBNullAsync(9) ? null : row.GetString(9),
            });
        }

        await row.NextResultAsync();
    }

    private async Task ReadCustomers(DbDataReader row)
    {
        while (await row.ReadAsync())
        {
            _customers[(Text(row, 1), Text(row, 2))] = row.GetGuid(0);
        }
    }

    private static string? Text(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}

/// <summary>A person's first order makes them a customer.</summary>
internal sealed record NewCustomer(Guid Id, Guid FirstOrder, string? Email, string? ExternalId, string? Name);
