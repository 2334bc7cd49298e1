using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Menu;

/// <summary>Keeps whether a recipe can be made and shows it on the menu; the newest version wins, however late the others come.</summary>
internal sealed class SetAvailabilityWhenRecipeAvailabilityChanged(OrdersDb db, Caller caller) : IHear<RecipeAvailabilityChanged>
{
    public async Task Hear(IReadOnlyList<Envelope<RecipeAvailabilityChanged>> messages, CancellationToken cancel)
    {
        var newest = messages.Select(x => x.Message)
            .GroupBy(x => x.RecipeId)
            .Select(versions => versions.MaxBy(x => x.Version)!)
            .ToArray();
        await MenuLock.Take(db, caller.Org, cancel);
        await db.Database.ExecuteSqlRawAsync(
            """
            WITH newer AS (
                INSERT INTO recipe_availability AS known (org_id, recipe_id, is_available, version)
                SELECT @org, * FROM unnest(@recipes, @available, @versions)
                ON CONFLICT (org_id, recipe_id) DO UPDATE SET is_available = excluded.is_available, version = excluded.version
                WHERE known.version < excluded.version
                RETURNING recipe_id, is_available)
            UPDATE menu_items m
            SET is_available = newer.is_available
            FROM newer
            WHERE m.org_id = @org AND m.kind = 'recipe' AND m.target_id = newer.recipe_id
            """,
            [
                new NpgsqlParameter<Guid>("org", caller.Org),
                new NpgsqlParameter<Guid[]>("recipes", [.. newest.Select(x => x.RecipeId)]) { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid },
                new NpgsqlParameter<bool[]>("available", [.. newest.Select(x => x.IsAvailable)]),
                new NpgsqlParameter<long[]>("versions", [.. newest.Select(x => x.Version)]),
            ],
            cancel);
    }
}
