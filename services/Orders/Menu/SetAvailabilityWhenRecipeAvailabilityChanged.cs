using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Menu;

/// <summary>Shows on the menu whether a recipe can be made; the newest version wins, however late the others come.</summary>
internal sealed class SetAvailabilityWhenRecipeAvailabilityChanged(OrdersDb db, Caller caller) : IHear<RecipeAvailabilityChanged>
{
    public async Task Hear(IReadOnlyList<Envelope<RecipeAvailabilityChanged>> messages, CancellationToken cancel)
    {
        var newest = messages.Select(x => x.Message)
            .GroupBy(x => x.RecipeId)
            .Select(versions => versions.MaxBy(x => x.Version)!)
            .ToArray();
        await db.Database.ExecuteSqlRawAsync(
            """
            UPDATE menu_items m
            SET is_available = heard.is_available, availability_version = heard.version
            FROM unnest(@recipes, @available, @versions) AS heard (recipe_id, is_available, version)
            WHERE m.org_id = @org AND m.kind = 'recipe' AND m.target_id = heard.recipe_id AND m.availability_version < heard.version
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
