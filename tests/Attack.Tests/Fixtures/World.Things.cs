using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace OpsPlatform.Attack.Tests.Fixtures;

// What can be made in a world. Bodies give every optional member a value, so that each of them is attacked too.
public sealed partial class World
{
    private readonly ConcurrentDictionary<string, Task<Guid>> _kept = [];

    public object Organisation() => new { name = Name("organisation"), currency = "GBP", timeZone = "Europe/London", dayStartsAt = "04:00" };

    public object Registration(string? email = null) =>
        new { email = email ?? Email(), password = Password, displayName = Name("person"), organisation = Organisation() };

    public JsonObject IngredientBody(Guid? id = null) => With(id, new()
    {
        ["code"] = Name("i"),
        ["name"] = Name("Ingredient"),
        ["category"] = Name("category"),
        ["kind"] = "ingredient",
        ["unit"] = "g",
        ["openingStock"] = 1_000_000,
        ["reorderPoint"] = 5,
        ["maximumStock"] = 2_000_000,
        ["usageRate"] = 1.5,
        ["unitCostMinor"] = 0.07,
        ["allergen"] = Name("allergen"),
    });

    public JsonObject IngredientChange()
    {
        var body = IngredientBody();
        body.Remove("openingStock");
        return body;
    }

    public object StockChange() => new
    {
        changeType = "increase",
        quantity = 1,
        reason = Name("reason"),
        referenceType = "purchase",
        referenceId = Guid.NewGuid(),
        metadata = new { note = Name("note") },
        id = Guid.NewGuid(),
    };

    public JsonObject RecipeBody(Guid ingredient, Guid? id = null) => With(id, new()
    {
        ["code"] = Name("r"),
        ["name"] = Name("Recipe"),
        ["yieldQuantity"] = 12,
        ["yieldUnit"] = "piece",
        ["lines"] = new JsonArray(new JsonObject { ["ingredientId"] = ingredient, ["quantity"] = 3 }),
    });

    public JsonObject MenuItemBody(Guid recipe, Guid? id = null) => With(id, new()
    {
        ["code"] = Name("m"),
        ["name"] = Name("Menu item"),
        ["kind"] = "recipe",
        ["priceMinor"] = 220,
        ["currency"] = "GBP",
        ["taxClass"] = "zero",
        ["targetId"] = recipe,
        ["piecesPerSale"] = 1,
        ["category"] = Name("category"),
    });

    public object OrderBody(Guid menuItem, Guid? id = null) => new
    {
        lines = new[] { new { menuItemId = menuItem, quantity = 1 } },
        id = id ?? Guid.NewGuid(),
        occurredAt = DateTimeOffset.UtcNow.AddMinutes(-1),
        customer = new { email = Email(), name = Name("Customer") },
        confirm = false,
        note = Name("note"),
    };

    public Task<Guid> Ingredient() => Kept("ingredient", NewIngredient);

    public Task<Guid> NewIngredient() => New(Call.Post("/ingredients", IngredientBody()));

    /// <summary>One ingredient's, or everything's as long as Sync has not heard of inventory yet.</summary>
    public async Task<object> ResyncBody() =>
        (await Ok(Call.Get("/sync/health"))).GetRawText().Contains("\"inventory\"", StringComparison.Ordinal)
            ? new { service = "inventory", entityType = "ingredient", ids = new[] { $"{await Ingredient()}" }, preview = true }
            : new { preview = true };

    public Task<Guid> Recipe() => Kept("recipe", NewRecipe);

    public async Task<Guid> NewRecipe() => await New(Call.Post("/recipes", RecipeBody(await Ingredient())));

    public Task<Guid> MenuItem() => Kept("menu item", NewMenuItem);

    public async Task<Guid> NewMenuItem() => await New(Call.Post("/menu", MenuItemBody(await Recipe())));

    public Task<Guid> Order() => Kept("order", NewOrder);

    public async Task<Guid> NewOrder() => await New(Call.Post("/orders", OrderBody(await MenuItem())));

    public async Task<Guid> ConfirmedOrder()
    {
        var id = await NewOrder();
        await Ok(Call.Post($"/orders/{id}/confirm").WithHeader("Prefer", "wait=10"));
        return id;
    }

    public static object ExportBody() => new { from = "2020-01-01T00:00:00Z", to = "2100-01-01T00:00:00Z", statuses = new[] { "placed" } };

    /// <summary>An export whose file is whole.</summary>
    public Task<Guid> OrderExport() => Kept("order export", async () =>
    {
        await Order();
        var export = await Ok(Call.Post("/orders/exports", ExportBody()));
        var id = export.GetProperty("operationId").GetGuid();
        await OperationIsOver(id);
        return id;
    });

    public Task OperationIsOver(Guid id) => Eventually.Is(
        async () => (await Ok(Call.Get($"/operations/{id}"))).GetProperty("completedAt").ValueKind != System.Text.Json.JsonValueKind.Null, TimeSpan.FromMinutes(1));

    public async Task<object> ImportBody(Guid? id = null)
    {
        var ingredient = await Ok(Call.Get($"/ingredients/{await Ingredient()}"));
        return new
        {
            lines = new[] { new { code = ingredient.GetProperty("code").GetString(), changeType = "increase", quantity = 1, reason = Name("reason") } },
            note = Name("note"),
            id = id ?? Guid.NewGuid(),
        };
    }

    /// <summary>An import that has ended, and that nobody took back.</summary>
    public async Task<Guid> NewImport()
    {
        var id = await New(Call.Post("/inventory/imports", await ImportBody()));
        await OperationIsOver(id);
        return id;
    }

    public Task<Guid> Import() => Kept("import", NewImport);

    public async Task<object> ChangesBody() => new
    {
        lines = new[] { new { code = (await Ok(Call.Get($"/ingredients/{await Ingredient()}"))).GetProperty("code").GetString(), reorderPoint = 1, unitCostMinor = 1.5 } },
        note = Name("note"),
        validateOnly = false,
    };

    public Task<Guid> Change() => Kept("change", async () =>
    {
        var id = (await Ok(Call.Post("/inventory/ingredients/bulk", await ChangesBody()))).GetProperty("operationId").GetGuid();
        Leaks.Learn(id);
        await OperationIsOver(id);
        return id;
    });

    public Task<Guid> Operation() => Kept("operation", NewOperation);

    public Task<Guid> EndedOperation() => Kept("ended operation", async () =>
    {
        var id = await NewOperation();
        await _system.Database("operations").Execute("UPDATE operations SET status = 'in_progress', attempt = 1, sequence = 1 WHERE id = $1", id);
        await _system.Database("operations").Execute("UPDATE operations SET status = 'completed' WHERE id = $1", id);
        return id;
    });

    /// <summary>Work that goes on and on: no request starts any, services tell of it.</summary>
    public async Task<Guid> NewOperation()
    {
        var id = Guid.NewGuid();
        Leaks.Learn(id);
        await _system.Database("operations").Execute("""
            INSERT INTO operations (org_id, id, operation_type, service, display_name, user_id, entity_type, entity_id, total_steps, steps, tags, max_attempts, queued_at, cause_since)
            VALUES ($1, $2, 'attack.run', 'orders', $3, $4, 'attack', $2::text, 1, '[{"name": "Run", "weight": 1}]', ARRAY[$5], 1, now(), now())
            """, Id, id, Name("operation"), Owner.UserId.ToString(), Marker);
        await _system.Database("operations").Execute("INSERT INTO operation_tags (org_id, tag, queued_at, operation_id) SELECT org_id, tags[1], queued_at, id FROM operations WHERE id = $1", id);
        return id;
    }

    public Task<Guid> Customer() => Kept("customer", async () =>
    {
        await Order();
        return (await Ok(Call.Get("/customers"))).GetProperty("items")[0].GetProperty("id").GetGuid();
    });

    /// <summary>A rebuild that has ended and was compared.</summary>
    public Task<Guid> Rebuild() => Kept("rebuild", async () =>
    {
        await RebuildsAreDone();
        var id = await New(Call.Post("/analytics/rebuild"));
        await RebuildsAreDone();
        return id;
    });

    public async Task RebuildsAreDone() => await Eventually.Is(
        async () => (await Ok(Call.Get("/analytics/rebuilds"))).GetProperty("items").EnumerateArray().All(rebuild => rebuild.GetProperty("state").GetString() is "succeeded" or "failed"),
        TimeSpan.FromSeconds(60));

    public async Task<string> TaxRate(DateOnly validFrom, object rate)
    {
        await Ok(Call.Put($"/analytics/settings/tax/{validFrom:yyyy-MM-dd}", rate));
        return $"{validFrom:yyyy-MM-dd}";
    }

    public async Task<Guid> Announced(Func<Guid, Call> announce)
    {
        var id = Guid.NewGuid();
        await Ok(announce(id));
        return id;
    }

    /// <summary>One of each kind of thing, by kind.</summary>
    public async Task<IReadOnlyDictionary<string, Guid>> Things() => new Dictionary<string, Guid>
    {
        ["organisation"] = Id,
        ["owner"] = Owner.UserId,
        ["ingredient"] = await Ingredient(),
        ["recipe"] = await Recipe(),
        ["menu item"] = await MenuItem(),
        ["order"] = await Order(),
        ["operation"] = await Operation(),
        ["customer"] = await Customer(),
    };

    /// <summary>A message that no attempt could send, which no request can bring about. Sent again it tells of somebody unknown to all.</summary>
    public async Task<Guid> FailedMessage(string service)
    {
        var id = Guid.NewGuid();
        Leaks.Learn(id);
        await _system.Database(service).Execute("""
            INSERT INTO outbox (id, org_id, message_type, body, correlation_id, status, attempts, error)
            VALUES ($1, $2, 'MemberLeft', jsonb_build_object('userId', gen_random_uuid(), 'marker', $3::text), gen_random_uuid(), 'failed', 3, $3)
            """, id, Id, Marker);
        return id;
    }

    private Task<Guid> Kept(string what, Func<Task<Guid>> make) => _kept.GetOrAdd(what, _ => make());

    private async Task<Guid> New(Call call) => (await Ok(call)).GetProperty("id").GetGuid();

    private static JsonObject With(Guid? id, JsonObject body)
    {
        if (id is not null)
        {
            body["id"] = id;
        }

        return body;
    }
}
