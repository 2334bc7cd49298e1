using Microsoft.EntityFrameworkCore;
using OpsPlatform.Inventory.Stock;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Imports;

/// <summary>Takes an import's lines back, the last first; a line that cannot be, since stock moved meanwhile, is noted with the reason and holds up no other.</summary>
internal sealed class UndoStockImport(InventoryDb db, Caller caller, TimeProvider time) : IDoOperation<ImportArgs>
{
    public static OperationKind Kind { get; } = new("inventory.undo_import", [new("Moving stock back")]) { Holds = ApplyStockImport.Stock };

    /// <param name="LeftOut">Lines that could not be taken back when it began; null in a checkpoint of an older build.</param>
    private sealed record Place(int Line, int Total, int Undone, int NotUndone, IReadOnlyList<int>? LeftOut = null);

    public async Task<object?> Do(ImportArgs args, Operation operation, CancellationToken cancel)
    {
        var applied = db.StockImportLines.Where(x => x.ImportId == args.ImportId && x.Outcome == LineOutcome.Applied);
        var place = operation.Checkpoint<Place>() ?? await Begin(args.ImportId, operation, cancel);
        while (place.Undone + place.NotUndone < place.Total)
        {
            place = await Batch(args.ImportId, applied, place, operation, cancel);
            operation.Report(new(place.Undone, place.Total, place.NotUndone));
        }

        return new { place.Undone, place.NotUndone, lines = $"/inventory/imports/{args.ImportId}/lines" };
    }

    private async Task<Place> Begin(Guid import, Operation operation, CancellationToken cancel)
    {
        var results = await ImportUndo.Results(import, db, cancel);
        LargeUndo.MustBeAgreed(operation, import, ImportUndo.Named(results));
        return new(int.MaxValue, results.Count, 0, 0, [.. results.Where(result => result.Error is not null).Select(result => result.Line.LineNo)]);
    }

    private async Task<Place> Batch(Guid import, IQueryable<StockImportLine> applied, Place place, Operation operation, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await ImportUndo.Hold(import, db, cancel) is var held && held?.UndoId != operation.Id)
        {
            throw new OperationRefusedException("Another operation takes the import back by now.");
        }

        var lines = await applied.Where(x => x.LineNo < place.Line).OrderByDescending(x => x.LineNo).Take(ApplyStockImport.LinesAtOnce).ToListAsync(cancel);
        var stock = await LockedStock.Lock(db.Connection, lines.Select(line => line.IngredientId!.Value), cancel);
        foreach (var line in lines)
        {
            var item = stock.Find(line.IngredientId!.Value);
            var (after, error) = line.TakeBack(item);
            error ??= place.LeftOut?.Contains(line.LineNo) == true ? LargeUndo.LeftOut : null;
            if (error is null)
            {
                stock.Move(item!, after, new(Opposite(line.ChangeType), $"undo of an import: {line.Reason}", ReferenceType.Manual, import, caller.Actor, StockLogEntry.Now(time)));
            }

            line.TakenBack(error);
        }

        var undone = lines.Count(line => line.Outcome == LineOutcome.Undone);
        var next = place with { Line = lines[^1].LineNo, Undone = place.Undone + undone, NotUndone = place.NotUndone + lines.Count - undone };
        await StockBatch.Store(db, caller, stock, cancel);
        await operation.Save(db, next, cancel);
        await transaction.CommitAsync(cancel);
        db.ChangeTracker.Clear();
        return next;
    }

    private static ChangeType Opposite(ChangeType change) => change switch
    {
        ChangeType.Increase => ChangeType.Decrease,
        ChangeType.Decrease => ChangeType.Increase,
        _ => ChangeType.Adjustment,
    };
}
