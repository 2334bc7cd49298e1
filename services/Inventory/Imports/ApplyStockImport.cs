using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.Inventory.Stock;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Imports;

internal sealed record ImportArgs(Guid ImportId);

/// <summary>Does an import's lines in their order, some at a time: each batch moves stock, notes what became of its lines and where the next begins, all or nothing.</summary>
internal sealed class ApplyStockImport(InventoryDb db, Operations operations, Caller caller, TimeProvider time) : IDoOperation<ImportArgs>, IUndo<ImportArgs>
{
    /// <summary>Their ingredients are locked until the batch is stored; orders wait that long.</summary>
    public const int LinesAtOnce = 100;

    /// <summary>Of all work that changes many ingredients: two at once could not be told apart by what they found and left.</summary>
    public static WorkHold Stock { get; } = new("stock", 1);

    public static OperationKind Kind { get; } = new("inventory.import", [new("Moving stock")]) { Holds = Stock };

    public string UndoRole => Roles.Staff;

    /// <param name="Line">The last line done.</param>
    /// <param name="Refused">How many lines for what; of imports begun by older builds only those since.</param>
    private sealed record Place(int Line, Dictionary<LineRefusal, int>? Refused = null);

    public async Task<object?> Do(ImportArgs args, Operation operation, CancellationToken cancel)
    {
        var import = await db.StockImports.SingleAsync(x => x.Id == args.ImportId, cancel);
        for (var place = operation.Checkpoint<Place>() ?? new(0); place.Line < import.Total;)
        {
            place = await Batch(import, place, operation, cancel);
            operation.Describe(new { place.Refused });
            operation.Report(new(import.Applied, import.Total, import.Failed));
        }

        return new { import.Applied, import.Failed, lines = $"/inventory/imports/{import.Id}/lines" };
    }

    public async Task<UndoPreview> PreviewUndo(Guid operation, ImportArgs args, CancellationToken cancel) =>
        LargeUndo.Preview(ImportUndo.Named(await ImportUndo.Results(args.ImportId, db, cancel)));

    public async Task<Guid> Undo(Guid operation, ImportArgs args, Guid undo, CancellationToken cancel)
    {
        var import = await ImportUndo.Hold(args.ImportId, db, cancel) ?? throw new InvalidOperationException($"The import {args.ImportId} is gone.");
        if (await ImportUndo.UndoneBy(import, db, operations, cancel) is { } other)
        {
            return other;
        }

        await ImportUndo.Add(import, undo, db, operations, cancel);
        return undo;
    }

    private async Task<Place> Batch(StockImport import, Place place, Operation operation, CancellationToken cancel)
    {
        var refused = new Dictionary<LineRefusal, int>(place.Refused ?? []);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var lines = await db.StockImportLines.Where(x => x.ImportId == import.Id && x.LineNo > place.Line).OrderBy(x => x.LineNo).Take(LinesAtOnce).ToListAsync(cancel);
        var codes = lines.Select(line => line.Code).ToArray();
        var ids = await db.Ingredients.Where(x => codes.Contains(x.Code)).Select(x => new { x.Id, x.Code }).ToDictionaryAsync(x => x.Code, x => x.Id, cancel);
        var stock = await LockedStock.Lock(db.Connection, ids.Values, cancel);
        foreach (var line in lines)
        {
            var item = ids.TryGetValue(line.Code, out var id) ? stock.Find(id) : null;
            var (quantity, error, refusal) = line.Apply(item);
            if (refusal is not { } reason)
            {
                line.Applied(stock.Move(item!, quantity, new(line.ChangeType, line.Reason, ReferenceType.Manual, import.Id, caller.Actor, StockLogEntry.Now(time))));
                import.Applied++;
            }
            else
            {
                line.Failed(error!);
                import.Failed++;
                refused[reason] = refused.GetValueOrDefault(reason) + 1;
            }
        }

        var next = new Place(lines[^1].LineNo, refused);
        await StockBatch.Store(db, caller, stock, cancel);
        operation.Did("lines applied", import.Applied, $"/inventory/imports/{import.Id}/lines?outcome=applied");
        await operation.Save(db, next, cancel);
        await transaction.CommitAsync(cancel);
        db.ChangeTracker.Clear();
        db.Attach(import);
        return next;
    }
}

internal static class StockBatch
{
    /// <summary>Writes the movements, what is low since, and all that the context tracks.</summary>
    public static async Task Store(InventoryDb db, Caller caller, LockedStock stock, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(db.Connection);
        stock.AddTo(batch);
        Outbox.AddTo(batch, caller, [.. stock.Lows().Select(low => new OutboxMessage(low))]);
        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(cancel);
        }

        await db.SaveChangesAsync(cancel);
        db.MayFlipAvailability = true;
    }
}
