using Microsoft.EntityFrameworkCore;
using OpsPlatform.Inventory.Imports;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Changes;

internal sealed record ChangeArgs(int Total);

/// <summary>Does a change's lines in their order, some at a time: what each ingredient was before is kept for undoing it.</summary>
internal sealed class ChangeIngredients(InventoryDb db, Operations operations) : IDoOperation<ChangeArgs>, IUndo<ChangeArgs>
{
    /// <summary>Their ingredients are locked until the batch is stored.</summary>
    public const int LinesAtOnce = 200;

    public const string Entity = "ingredient";

    public static OperationKind Kind { get; } = new("inventory.change_ingredients", [new("Changing ingredients")]) { Holds = ApplyStockImport.Stock };

    public string UndoRole => Roles.Admin;

    /// <param name="Line">The last line done.</param>
    private sealed record Place(int Line, int Changed, int Failed);

    public static string LinesHref(Guid id) => $"/inventory/ingredients/bulk/{id}/lines";

    public async Task<object?> Do(ChangeArgs args, Operation operation, CancellationToken cancel)
    {
        var place = operation.Checkpoint<Place>() ?? new(0, 0, 0);
        while (place.Line < args.Total)
        {
            place = await Batch(place, operation, cancel);
            operation.Report(new(place.Changed, args.Total, place.Failed));
        }

        return new { place.Changed, place.Failed, lines = LinesHref(operation.Id) };
    }

    public async Task<UndoPreview> PreviewUndo(Guid operation, ChangeArgs args, CancellationToken cancel) => LargeUndo.Preview(await UndoIngredientChange.Results(operation, db, cancel));

    public async Task<Guid> Undo(Guid operation, ChangeArgs args, Guid undo, CancellationToken cancel)
    {
        operations.Add<UndoIngredientChange, UndoIngredientChange.Args>(
            undo, new(operation), new($"Undo of a change of {args.Total} ingredients", Tags: ["ingredients", "undo"]),
            LargeUndo.Plan(operation, await UndoIngredientChange.Results(operation, db, cancel)), undoes: operation);
        return undo;
    }

    private async Task<Place> Batch(Place place, Operation operation, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var lines = await db.IngredientChanges.Where(x => x.OperationId == operation.Id && x.LineNo > place.Line).OrderBy(x => x.LineNo).Take(LinesAtOnce).ToListAsync(cancel);
        var codes = lines.Select(line => line.Code).Distinct().ToArray();
        var found = await db.Ingredients.FromSql($"SELECT * FROM ingredients WHERE code = ANY({codes}) ORDER BY id FOR NO KEY UPDATE").ToDictionaryAsync(x => x.Code, cancel);
        List<(string Key, IngredientValues? Before, IngredientValues? After)> images = [];
        foreach (var line in lines)
        {
            if (found.GetValueOrDefault(line.Code) is not { } ingredient)
            {
                line.Failed(StartIngredientChange.UnknownCode);
                continue;
            }

            images.Add(($"{ingredient.Id}", line.Values.Now(ingredient), line.Values));
            line.Values.ApplyTo(ingredient);
            line.Done();
        }

        var next = new Place(lines[^1].LineNo, place.Changed + images.Count, place.Failed + lines.Count - images.Count);
        await db.SaveChangesAsync(cancel);
        await operation.Record(db, Entity, images, cancel);
        operation.Did("ingredients changed", next.Changed, LinesHref(operation.Id));
        await operation.Save(db, next, cancel);
        await transaction.CommitAsync(cancel);
        db.ChangeTracker.Clear();
        return next;
    }
}
